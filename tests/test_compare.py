"""Two pictures side by side: the sentence, the scores, the drawing."""

import os
import sys
from dataclasses import replace

import fsspec
import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw, ImageOps

from imgdup_nb import METHODS, compare_images, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.compare import block_corners
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.engine.decode import UnreadableImage


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a cat, changed copies of it, and unrelated pictures."""
    folder = tmp_path_factory.mktemp("compared")
    cat = _open_original(PHOTOS["cat"]).convert("RGB")
    width, height = cat.size
    changed = cat.copy()
    ImageDraw.Draw(changed).rectangle((0, height // 2, width // 2, height), fill="black")
    pictures = {
        "cat": cat,
        "crop": cat.crop((0, 0, round(width * 0.8), round(height * 0.8))),
        "mirrored": ImageOps.mirror(cat),
        "flipped": ImageOps.flip(cat),
        "turned": cat.rotate(25, Image.Resampling.BICUBIC),
        "covered": changed,
        "temple": _open_original(PHOTOS["temple"]).convert("RGB"),
        "white": Image.new("RGB", (90, 60), "white"),
        "black": Image.new("RGB", (60, 90), "black"),
    }
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return folder


@pytest.fixture
def compared(folder):
    return lambda left, right: compare_images(folder / f"{left}.png", folder / f"{right}.png")


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("cat", "cat", ["100 % of the overlap matches", "they show the same section"]),
        ("cat", "crop", ["crop.png shows 64 % of cat.png"]),
        ("crop", "cat", ["crop.png shows 64 % of cat.png"]),
        ("cat", "mirrored", ["same section", "one is mirrored"]),
        ("cat", "flipped", ["same section, one is flipped top to bottom."]),
        ("cat", "turned", ["rotated by 25 degrees", "they share"]),
        ("cat", "temple", ["Nothing of one picture was found in the other."]),
        (
            "cat",
            "white",
            ["Too little texture", "white.png is nearly blank, so its hash is noise"],
        ),
        ("white", "black", ["both are nearly blank, so their hashes are noise"]),
        ("white", "white", ["The files are equal, byte for byte."]),
        ("cat", "cat", ["The files are equal, byte for byte."]),
    ],
)
def test_the_sentence_says_what_was_done(compared, left, right, words):
    sentence = compared(left, right).sentence
    assert [word for word in words if word not in sentence] == []


def test_equal_pixels_in_files_that_differ_are_told_from_equal_files(folder, tmp_path):
    with Image.open(folder / "cat.png") as cat:
        cat.save(tmp_path / "cat.bmp")
    comparison = compare_images(folder / "cat.png", tmp_path / "cat.bmp")
    assert comparison.relation == "same pixels"
    assert comparison.sentence.endswith(
        "same section. All pixels are equal; only the files differ."
    )
    assert compare_images(folder / "cat.png", folder / "crop.png").relation == "near"


def test_a_long_name_of_several_lines_does_not_tear_the_sentence(compared):
    sentence = replace(compared("cat", "crop"), right=f"holiday\n{'at the sea ' * 20}.png").sentence
    assert sentence.startswith("100 % of the overlap matches; holiday·at the sea")
    assert len(sentence) < 100


def test_a_second_photograph_of_a_scene_is_called_so(compared):
    copy = compared("cat", "crop")
    assert "photographs" not in copy.sentence
    shot = replace(copy, alignment=replace(copy.alignment, similarity=77.0, residual=0.41))
    assert (
        " shifted by 0.4 pixels, as in two photographs of one scene, so the similarity is"
        in shot.sentence
    )


def test_what_keeps_a_tiny_or_nearly_flat_pair_below_80_is_said(compared):
    copy = compared("cat", "crop")
    small, bare = (
        replace(copy.alignment, similarity=78.0, **why)
        for why in ({"coarse": True}, {"doubt": 1.0})
    )
    assert "only when both are made small" in replace(copy, alignment=small).sentence
    assert "Little of the overlap has texture" in replace(copy, alignment=bare).sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"similarity": 90.0, "recoloured": 10.0},
            " Of the parts that match in grey, 10 % have another colour and do not count.",
        ),
        (
            {"similarity": 79.0, "recoloured": 80.0},
            " 80 % have another colour, so the similarity is at most 79 %.",
        ),
        (
            {"similarity": 99.0},
            "99 % of the overlap matches; they show the same section. Every block matches, but "
            "some",
        ),
    ],
)
def test_colours_and_small_flaws_that_keep_a_copy_below_100_are_said(compared, changes, words):
    copy = compared("cat", "mirrored")
    assert "colour" not in copy.sentence
    assert (
        words
        in replace(
            copy, alignment=replace(copy.alignment, transform=np.eye(3)[:2], **changes)
        ).sentence
    )


def test_every_method_has_a_score_and_hashes_one_for_any_turn(compared):
    scores = compared("cat", "mirrored").scores
    assert list(scores.index) == list(METHODS)
    assert scores.any_orientation["phash"] == 100 > scores.similarity["phash"]
    assert scores.similarity["aligned"] == 100


def test_scores_are_those_of_the_pair_table(folder, compared):
    scores = compared("cat", "covered").scores
    images = scan_images([folder / "cat.png", folder / "covered.png"])
    for method in ("phash", "colorhash", "aligned", "akaze"):
        [pair] = similar_pairs(fingerprint_images(images, method), min_similarity=0).itertuples()
        assert pair.similarity == scores.similarity[method]


def test_a_picture_of_too_little_texture_has_the_score_of_the_pair_table_too(tmp_path):
    y, x = np.mgrid[:200, :300]
    hill = 100 + 40 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / 9000)
    hill[150:153, 200:203] = 255  # a light on it, so that it is no smooth shade
    files = [tmp_path / "mist.png", tmp_path / "mist small.png"]
    for file, share in zip(files, (1, 2), strict=True):
        picture = Image.fromarray(hill.astype(np.uint8))
        picture.resize((300 // share, 200 // share)).save(file)
    comparison = compare_images(*files)
    for method in ("aligned", "akaze"):
        [pair] = similar_pairs(
            fingerprint_images(scan_images(files), method), min_similarity=0
        ).itertuples()
        assert pair.scored_by == "phash"
        assert comparison.scores.similarity[method] == pair.similarity
        assert comparison.scores["90 means"][method] == "too little texture: as by phash"
    assert "Too little texture" in comparison.sentence


def test_smooth_pictures_have_the_score_of_the_pair_table_too(tmp_path):
    values = np.random.default_rng(7).integers(120, 131, (4, 4), dtype=np.uint8)
    files = [tmp_path / "mist.png", tmp_path / "mist small.png"]
    for file, side in zip(files, (200, 100), strict=True):
        Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC).save(file)
    comparison = compare_images(*files)
    [pair] = similar_pairs(fingerprint_images(scan_images(files), "aligned")).itertuples()
    assert pair.scored_by == "aligned"
    assert comparison.scores.similarity["aligned"] == pair.similarity >= 90
    assert "they show the same section" in comparison.sentence
    assert "Too little texture" not in comparison.sentence


def test_the_covered_corner_is_drawn_as_differing(compared):
    comparison = compared("cat", "covered")
    squares, agrees = block_corners(comparison)
    width, height = (side / 2 for side in comparison.pictures[1].shape[1::-1])
    middles = squares.mean(axis=1)
    inside = (middles[:, 0] < 0.45 * width) & (middles[:, 1] > 0.55 * height)
    outside = (middles[:, 0] > 0.6 * width) | (middles[:, 1] < 0.4 * height)
    assert agrees[inside].mean() < 0.2
    assert agrees[outside].mean() > 0.95


def test_the_sentence_says_all_only_where_every_block_agrees(compared):
    copy = compared("cat", "crop")
    nearly = replace(copy, alignment=replace(copy.alignment, similarity=99.7))
    assert copy.sentence.startswith("100 % of")
    assert nearly.sentence.startswith("99 % of")


def test_the_difference_of_what_agrees_is_black_beside_a_large_cover(compared):
    comparison = compared("cat", "covered")
    difference = comparison.difference()
    height, width = difference.shape
    assert np.median(difference[: height // 3]) <= 2
    assert np.median(difference[height * 2 // 3 :, : width // 3]) > 50


@pytest.mark.parametrize(
    "title", ["a long name, taken on holiday in another country (copy of copy 3).png"]
)
def test_titles_stay_above_their_own_panels(compared, title):
    figure = replace(compared("cat", "crop"), left=title, right=title).plot()
    figure.canvas.draw()
    boxes = [ax.title.get_window_extent() for ax in figure.axes]
    assert max(box.x1 for box in boxes[0::2]) <= min(box.x0 for box in boxes[1::2])
    assert max(box.x1 for box in boxes) <= figure.bbox.x1
    plt.close(figure)


@pytest.mark.parametrize("other", ["crop", "covered", "temple", "white"])
def test_the_plot_has_four_panels_and_keeps_names_as_they_are(compared, other):
    figure = compared("cat", other).plot()
    assert len(figure.axes) == 4
    assert [ax.get_title() for ax in figure.axes[:2]] == ["cat.png", f"{other}.png"]
    figure.canvas.draw()
    plt.close(figure)


def test_names_are_escaped_in_html_and_not_read_as_formulas(folder, tmp_path):
    name = tmp_path / "<b>$x_1$ & co.png"
    name.write_bytes((folder / "crop.png").read_bytes())
    comparison = compare_images(folder / "cat.png", name)
    assert "<b>" not in comparison._repr_html_()
    figure = comparison.plot()
    figure.canvas.draw()
    plt.close(figure)


def test_what_cannot_be_read_is_named(folder, tmp_path):
    (tmp_path / "words.jpg").write_text("no picture")
    with pytest.raises(UnreadableImage, match=r"words\.jpg: not an image"):
        compare_images(folder / "cat.png", tmp_path / "words.jpg")
    for gone in (tmp_path / "gone.jpg", "memory://compared/gone.jpg"):
        with pytest.raises(FileNotFoundError, match=r"right '.*gone\.jpg' does not exist"):
            compare_images(folder / "cat.png", gone)
    with pytest.raises(
        TypeError,
        match="left must be the path or URL of an image file, not Image; save the picture first",
    ):
        compare_images(Image.new("L", (9, 9)), folder / "cat.png")


def test_an_axes_is_refused_as_a_figure_with_the_reason(compared):
    figure, ax = plt.subplots()
    with pytest.raises(
        TypeError, match="figure must be a matplotlib Figure, for there are four panels, not Axes"
    ):
        compared("cat", "crop").plot(ax)
    plt.close(figure)


def test_files_behind_urls_are_compared_too(folder, compared):
    memory = fsspec.filesystem("memory")
    for name in ("cat", "crop"):
        memory.pipe(f"/compared/{name}.png", (folder / f"{name}.png").read_bytes())
    comparison = compare_images("memory://compared/cat.png", "memory://compared/crop.png")
    assert comparison.sentence == compared("cat", "crop").sentence


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a name be any bytes")
def test_a_name_that_is_no_text_is_shown_as_scan_images_shows_it(folder, tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).write_bytes((folder / "crop.png").read_bytes())
    assert compare_images(folder / "cat.png", tmp_path / name).right == "caf\\xe9.png"
