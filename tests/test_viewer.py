"""The pair viewer's state, without a browser."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
import traitlets
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw

import imgdup_nb as dup
from imgdup_nb.compare import block_corners
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.widgets.comparisons import MAX_SIDE, STRIP_SIDE

HOSTILE = 'a"<script>\nalert(1).png'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a cat, copies of it, a blank picture and a file that is none."""
    folder = tmp_path_factory.mktemp("pairs")
    cat = _open_original(PHOTOS["cat"]).convert("RGB")
    width, height = cat.size
    covered = cat.copy()
    ImageDraw.Draw(covered).rectangle((0, height // 2, width // 2, height), fill="black")
    pictures = {
        "cat": cat,
        "covered": covered,
        "crop": cat.crop((0, 0, width * 4 // 5, height * 4 // 5)),
    }
    pictures["white"] = Image.new("RGB", (90, 60), "white")
    pictures["strip"] = Image.fromarray(np.tile(np.asarray(cat.resize((150, 100))), (1, 20, 1)))
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    (folder / HOSTILE).write_bytes((folder / "crop.png").read_bytes())
    (folder / "words.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def images(folder):
    with pytest.warns(UserWarning, match="1 of 7 files"):
        return dup.scan_images(folder)


def pairs_of(*pairs):
    table = pd.DataFrame(pairs, columns=["left", "right", "similarity"])
    table.attrs["method"] = "phash"
    return table


PAIRS = pairs_of(
    ("cat.png", "covered.png", 81.25), ("cat.png", "crop.png", 50.0), ("cat.png", "white.png", 48.5)
)


class Recorder(dup.PairViewer):
    """A viewer that keeps what it sends."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        super().__init__(*args, **kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers or []))

    def ask(self, **content):
        """Receive a message from the browser; return what is answered to it."""
        self.sent.clear()
        self._on_message(self, content, [])
        return self.sent


def test_two_files_are_compared_as_compare_images_does(folder):
    paths = folder / "cat.png", folder / "covered.png"
    viewer = dup.PairViewer(paths)
    known = dup.compare_images(*paths)
    assert viewer.pair == ("cat.png", "covered.png")
    assert viewer.view["sentence"] == viewer.comparison.sentence == known.sentence
    pd.testing.assert_frame_equal(viewer.comparison.scores, known.scores)


def test_a_comparison_that_was_made_is_shown_as_it_is(folder):
    known = dup.compare_images(folder / "cat.png", folder / "crop.png")
    viewer = dup.PairViewer(known)
    assert viewer.comparison is known
    assert repr(viewer) == f"<PairViewer: cat.png and crop.png: {known.sentence}>"


def test_rows_of_a_table_are_shown_in_their_order_with_how_they_were_found(images):
    viewer = dup.PairViewer(PAIRS[::-1], images)
    seen = []
    for viewer.index in range(3):
        seen.append((*viewer.pair, viewer.view["found"]))
    assert seen == [
        (row.left, row.right, [row.similarity, "phash"]) for row in PAIRS[::-1].itertuples()
    ]
    assert re.fullmatch(r"451 x 300, \d+ kB, PNG", viewer.view["facts"][0])


def test_who_observes_the_pair_finds_its_comparison(images):
    viewer, seen = dup.PairViewer(PAIRS, images), []
    viewer.observe(lambda change: seen.append((change["new"], viewer.comparison.right)), "pair")
    viewer.index = 1
    assert seen == [(("cat.png", "crop.png"), "crop.png")]


def test_going_back_compares_nothing_again(images, monkeypatch):
    compared = []

    def count(*paths):
        compared.append(paths)
        return dup.compare_images(*paths)

    monkeypatch.setattr("imgdup_nb.widgets.comparisons.compare_images", count)
    viewer = dup.PairViewer(PAIRS, images)
    for viewer.index in (1, 0, 1, 0):
        assert viewer.pair == tuple(PAIRS.loc[viewer.index, ["left", "right"]])
    assert len(compared) == 2


@pytest.mark.parametrize("index", [-1, 3])
def test_a_row_that_is_not_there_is_refused_and_the_old_one_stays(images, index):
    viewer = Recorder(PAIRS, images, index=1)
    with pytest.raises(traitlets.TraitError, match="index must be from 0 to 2"):
        viewer.index = index
    viewer.set_state({"index": index})
    assert viewer.sent[0][0] == {
        "type": "error",
        "text": f"index must be from 0 to 2, and {index} is not",
    }
    assert viewer.index == 1


def test_a_pair_that_cannot_be_compared_says_why_and_the_next_one_is_fine(images):
    pairs = pairs_of(
        ("cat.png", "words.jpg", 90), ("cat.png", "lost.png", 90), ("cat.png", "crop.png", 90)
    )
    viewer = dup.PairViewer(pairs, images)
    assert viewer.comparison is None
    assert viewer.problem == "words.jpg: not an image, or of a format that Pillow cannot read here"
    assert viewer.view["facts"][1] == ""  # and not 0 x 0 pixels
    viewer.index = 1
    assert viewer.problem == "lost.png: not in the images table"
    viewer.index = 2
    assert viewer.problem == ""
    assert viewer.comparison.right == "crop.png"


def test_without_opencv_the_way_out_is_told_at_once(images, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(ImportError, match="pip install"):
        dup.PairViewer(PAIRS, images)


def test_the_pictures_of_a_pair_and_its_blocks_are_sent_on_request(images):
    viewer = Recorder(PAIRS, images)
    ((content, buffers),) = viewer.ask(type="layers", index=0)
    sizes = [Image.open(io.BytesIO(jpeg)).size for jpeg in buffers]
    right = viewer.comparison.pictures[1].shape
    assert sizes[1:] == [(right[1], right[0])] * 3
    squares, agrees = block_corners(viewer.comparison)
    assert (len(content["agree"]), len(content["differ"])) == (agrees.sum(), (~agrees).sum())
    assert np.allclose(content["differ"], squares[~agrees], atol=0.05)
    json.dumps(content)


def test_what_is_laid_over_lies_where_the_other_picture_shows_the_same(images):
    viewer = Recorder(PAIRS, images, index=1)
    ((_, buffers),) = viewer.ask(type="layers", index=1)
    right, laid = (
        np.asarray(Image.open(io.BytesIO(jpeg)), dtype=float)[20:-20, 20:-20]
        for jpeg in buffers[1:3]
    )
    assert np.abs(right - laid).mean() < 4


def test_pictures_of_a_pair_that_is_not_shown_any_more_are_not_made(images):
    assert Recorder(PAIRS, images).ask(type="layers", index=1) == []


def test_a_long_strip_is_sent_in_a_bounded_size(folder):
    viewer = Recorder((folder / "strip.png", folder / "cat.png"))
    ((_, buffers),) = viewer.ask(type="layers", index=0)
    width, height = Image.open(io.BytesIO(buffers[0])).size
    assert width > MAX_SIDE  # else a strip of 30:1 would be 30 pixels high
    assert 80 <= height <= STRIP_SIDE
    assert width == pytest.approx(30 * height, rel=0.02)


def test_a_missing_file_does_not_hide_its_partner_and_is_said_by_name(folder, images):
    lost = pd.concat(
        [
            images,
            images[images.image == "cat.png"].assign(
                image="lost.png", path=str(folder / "nowhere.png")
            ),
        ]
    )
    viewer = Recorder(
        pairs_of(("cat.png", "lost.png", 90.0), ("lost.png", "words.jpg", 90.0)), lost
    )
    assert viewer.problem == "lost.png: the file is gone, or a link that leads nowhere"
    assert viewer.view["alone"] == ["", "the file is gone, or a link that leads nowhere"]
    ((content, buffers),) = viewer.ask(type="layers", index=0)
    assert Image.open(io.BytesIO(buffers[0])).size == tuple(content["sizes"][0])
    assert buffers[1] == b""
    left, right = viewer.figure().axes
    assert len(left.images) == 1
    assert [text.get_text() for text in right.texts] == [
        "the file is gone, or a link that leads nowhere"
    ]
    viewer.index = 1
    assert viewer.problem.startswith(
        "lost.png: the file is gone, or a link that leads nowhere; words.jpg: not an image"
    )
    assert viewer.view["alone"][1].startswith("not an image")
    assert viewer.figure().axes == []


def test_a_picture_without_texture_is_not_laid_over_and_the_sentence_says_so(images):
    viewer = Recorder(PAIRS, images, index=2)
    ((content, buffers),) = viewer.ask(type="layers", index=2)
    assert viewer.view["sentence"].startswith("Too little texture")
    assert viewer.view["aligned"] is False
    assert (len(buffers), content["areas"], content["agree"]) == (2, [], [])


def test_the_saved_state_holds_no_pictures(images):
    state = dup.PairViewer(PAIRS, images).get_state()
    saved = {name: value for name, value in state.items() if not name.startswith("_")}
    assert len(json.dumps(saved)) < 4000


def test_names_are_escaped_and_on_one_line_where_no_browser_shows_them(folder, images):
    viewer = dup.PairViewer(pairs_of((HOSTILE, "cat.png", 90)), images)
    assert viewer.pair == (HOSTILE, "cat.png")
    assert "<script>" not in viewer._still_table()
    assert "\n" not in repr(viewer)
    assert re.search(
        r"a&quot;&lt;script&gt;·alert\(1\)\.png shows 6\d % of cat\.png", viewer._still_table()
    )


def test_the_figure_is_the_comparison_drawn_and_none_of_pyplot(images):
    viewer = dup.PairViewer(PAIRS, images)
    before = plt.get_fignums()
    titles = [ax.get_title() for ax in viewer.figure().axes]
    assert titles[:2] == ["cat.png", "covered.png"]
    assert len(titles) == 4
    assert Image.open(io.BytesIO(viewer.still())).format == "PNG"
    assert plt.get_fignums() == before


def test_the_figure_of_a_pair_that_cannot_be_compared_is_the_reason(images):
    viewer = dup.PairViewer(pairs_of(("$x", "cat.png", 90)), images)
    lost, found = viewer.figure().axes
    assert lost.get_title() == "$x"
    assert [text.get_text() for text in lost.texts] == ["not in the images table"]
    assert len(found.images) == 1
    assert viewer.still()


def test_a_table_without_rows_shows_that_there_is_nothing(images):
    viewer = Recorder(PAIRS[:0], images)
    assert (viewer.pair, viewer.comparison, viewer.problem) == (
        (),
        None,
        "There is no pair to show.",
    )
    assert viewer.ask(type="layers", index=0) == []
    assert repr(viewer) == "<PairViewer: There is no pair to show.>"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PAIRS,), r"images must be the table made by scan_images"),
        ((PAIRS, ["cat.png"]), r"scan_images\(folder\)"),
        (("cat.png",), "not str"),
        ((["a.png", "b.png", "c.png"],), "not list of 3"),
        ((PAIRS[["left"]],), "similar_pairs.*not a table of left"),
        (("a.png", "b.png"), r"as one tuple, PairViewer\(\(left, right\)\), not str"),
        (
            ((Image.new("L", (9, 9)), "b.png"),),
            "left must be the path .* not Image; save the picture first",
        ),
    ],
)
def test_something_else_than_pairs_is_refused_with_the_way_out(arguments, words):
    with pytest.raises(TypeError, match=words):
        dup.PairViewer(*arguments)
