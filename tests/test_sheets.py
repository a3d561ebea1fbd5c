"""Sheets of pictures: where each picture, caption and heading stands."""

import itertools

import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.plots import parts
from imgdup_nb.plots.parts import CAPTION, HEADING, INCHES, PICTURE_SIDE, Sheet, lines_of
from made_pairs import pairs_of

SIZES = {"wide.png": (320, 160), "high.png": (80, 160), "square.png": (40, 40)}


@pytest.fixture
def paths(tmp_path):
    for name, size in SIZES.items():
        Image.linear_gradient("L").resize(size).save(tmp_path / name)
    return {name: str(tmp_path / name) for name in SIZES}


@pytest.fixture
def sheet():
    return Sheet(Figure().subplots(), 4)


def box(picture):
    """Return left, right, top and bottom of a picture in widths of a tile; the top is smaller."""
    left, right, bottom, top = picture.get_extent()
    return left, right, top, bottom


def test_rows_are_cut_into_lines_in_their_order_and_the_last_may_be_shorter():
    assert lines_of(range(7), 3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert lines_of(iter("ab"), 1) == [["a"], ["b"]]
    assert lines_of(range(4), 2) == [[0, 1], [2, 3]]
    assert lines_of([], 3) == []


def test_pictures_keep_their_shape_stand_on_one_line_and_in_the_middle_of_their_tiles(sheet, paths):
    drawn = sheet.draw_line([(k, paths[name], "") for k, name in enumerate(SIZES)])
    for column, (picture, (width, height)) in enumerate(zip(drawn, SIZES.values(), strict=True)):
        left, right, top, bottom = box(picture)
        assert max(right - left, bottom - top) == pytest.approx(PICTURE_SIDE)
        assert (right - left) / (bottom - top) == pytest.approx(width / height)
        assert (left + right) / 2 == pytest.approx(column + PICTURE_SIDE / 2)
        assert bottom == pytest.approx(PICTURE_SIDE)  # as high as the highest of the line


def test_a_picture_stands_upright_and_is_made_small(sheet, paths):
    (picture,) = sheet.draw_line([(0, paths["wide.png"], "")])
    shown = picture.get_array()
    assert max(shown.shape[:2]) == parts.TILE
    _, _, top, bottom = box(picture)
    sheet.finish()
    upper = sheet.ax.transData.transform((0, top))[1]
    assert upper > sheet.ax.transData.transform((0, bottom))[1]
    assert picture.origin == "upper"
    assert shown[0].mean() < shown[-1].mean()  # black is above, as in the file


def test_captions_stand_below_their_pictures_and_above_the_next_line(sheet, paths):
    lines = [sheet.draw_line([(0, paths[name], f"{name}\nsecond")]) for name in SIZES]
    captions = {text.get_text().split("\n")[0]: text for text in sheet.ax.texts}
    boxes = [box(line[0]) for line in lines]
    for name, (left, right, _, bottom) in zip(SIZES, boxes, strict=True):
        x, y = captions[name].get_position()
        assert x == pytest.approx((left + right) / 2)
        assert bottom < y < bottom + CAPTION
        assert captions[name].get_va() == "top"
        assert captions[name].get_ha() == "center"
    for (*_, bottom), (_, _, top, _) in itertools.pairwise(boxes):
        assert top == pytest.approx(bottom + CAPTION)


def test_a_heading_has_room_of_its_own_above_the_next_line(sheet, paths):
    sheet.draw_line([(0, paths["square.png"], "")])
    sheet.write("heading", weight="bold")
    (picture,) = sheet.draw_line([(0, paths["square.png"], "")])
    (heading,) = (text for text in sheet.ax.texts if text.get_text() == "heading")
    above = PICTURE_SIDE + CAPTION
    assert heading.get_position() == pytest.approx((0, above + HEADING / 2))
    assert heading.get_weight() == "bold"
    assert box(picture)[2] == pytest.approx(above + HEADING)


@pytest.mark.parametrize("path", [None, "words.png"])
def test_a_picture_that_cannot_be_read_says_why_in_its_place(sheet, paths, tmp_path, path):
    (tmp_path / "words.png").write_text("no picture")
    reason = "not in the images table" if path is None else "not an image"
    shown = str(tmp_path / path) if path else None
    none, picture = sheet.draw_line([(0, shown, "broken"), (1, paths["square.png"], "")])
    assert none is None
    assert picture is not None
    (text,) = (text for text in sheet.ax.texts if text.get_text().startswith(reason))
    x, y = text.get_position()
    assert x == pytest.approx(PICTURE_SIDE / 2)
    assert box(picture)[2] < y < box(picture)[3]
    assert "broken" in [text.get_text() for text in sheet.ax.texts]


def test_all_that_was_drawn_is_in_the_axes_and_nothing_is_squeezed(sheet, paths):
    pictures = sheet.draw_line([(k, paths["square.png"], "") for k in range(4)])
    ax = sheet.finish("$title$")
    assert ax.get_title(loc="left") == "$title$"
    right, low = ax.get_xlim()[1], ax.get_ylim()[0]
    assert right == 4
    assert low == pytest.approx(PICTURE_SIDE + CAPTION)
    assert ax.get_ylim()[1] < 0  # downwards, with a little room above
    assert box(pictures[-1])[1] <= right
    assert ax.get_aspect() == 1
    assert not ax.axison


def test_a_figure_of_its_own_is_as_high_as_what_it_holds(paths):
    heights = []
    for n_lines in (0, 1, 3):
        sheet = Sheet(None, 2)
        for _ in range(n_lines):
            sheet.draw_line([(0, paths["square.png"], "")])
        figure = sheet.finish("title").figure
        width, height = figure.get_size_inches()
        assert width == pytest.approx(2 * INCHES)
        heights.append(height)
        pyplot.close(figure)
    line = INCHES * (PICTURE_SIDE + CAPTION)
    assert heights == pytest.approx([INCHES * HEADING + 0.4, line + 0.4, 3 * line + 0.4])


def test_axes_of_the_user_keep_the_size_of_their_figure(sheet):
    size = tuple(sheet.ax.figure.get_size_inches())
    sheet.finish("title")
    assert tuple(sheet.ax.figure.get_size_inches()) == size


def test_four_pairs_take_two_lines_and_no_picture_covers_another(paths):
    names = list(SIZES)
    images = pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": [paths[name] for name in names]}
    )
    pairs = pairs_of(names, [0, 6, 12])
    pairs = pd.concat([pairs, pairs.head(1)])
    ax = dup.plot_pairs(images, pairs, ax=Figure().subplots())
    boxes = [box(picture) for picture in ax.images]
    assert len(boxes) == 8
    assert len({round(bottom, 3) for *_, bottom in boxes}) == 2
    for one, other in itertools.combinations(boxes, 2):
        apart_across = one[1] < other[0] or other[1] < one[0]
        apart_down = one[3] < other[2] or other[3] < one[2]
        assert apart_across or apart_down


def test_a_line_without_any_picture_has_room_for_the_reasons(sheet):
    sheet.draw_line([(0, None, ""), (1, None, "")])
    assert sheet.top == pytest.approx(PICTURE_SIDE / 2 + CAPTION)
    assert sheet.finish().get_aspect() == 1


def test_names_with_dollars_are_no_formulas(sheet):
    sheet.write("a$b$c")
    sheet.draw_line([(0, None, "d$e$f")])
    assert [text.get_parse_math() for text in sheet.ax.texts] == [False] * 3
