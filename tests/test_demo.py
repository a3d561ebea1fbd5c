import hashlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from imgdup_nb import demo, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.demo import LONG_SIDE, PHOTOS, make_demo_collection
from imgdup_nb.engine.variations import VARIATIONS

SAME_LAYOUT = [  # variations after which every part of the picture is still where it was
    "png",
    "tiff",
    "256 colours",
    "16-bit grey",
    "webp",
    "jpeg 85",
    "jpeg 40",
    "jpeg 10",
    "half size",
    "quarter size",
    "enlarged",
    "squashed",
    "greyscale",
    "blurred",
    "sharpened",
    "exif rotated",
]
RECOMPRESSED = [
    "png",
    "tiff",
    "webp",
    "jpeg 85",
    "jpeg 40",
    "jpeg 10",
    "half size",
    "quarter size",
    "enlarged",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "collection"


@pytest.fixture(scope="module")
def truth(folder):
    return make_demo_collection(folder)


@pytest.fixture
def few(monkeypatch):
    """Let a collection be five files, so that making one takes no time."""
    monkeypatch.setattr(demo, "PHOTOS", {"cat": PHOTOS["cat"]})
    monkeypatch.setattr(demo, "SINGLES", {})
    monkeypatch.setattr(demo, "TRAYS", {})
    monkeypatch.setattr(demo, "BROKEN", {})
    monkeypatch.setattr(demo, "VARIATIONS", {"jpeg 40": VARIATIONS["jpeg 40"]})


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def digests_of(folder):
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files_in(folder).items()
    }


def pixels_of(path, size=None):
    """Return what a viewer shows, in grey, as floats from 0 to 255."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    image = image.convert("RGB").convert("L")
    return np.asarray(image.resize(size) if size else image, dtype=float)


def difference(one, other):
    return float(np.abs(one - other).mean())


def path_of(folder, truth, group, variation):
    (image,) = truth.loc[(truth["group"] == group) & (truth["variation"] == variation), "image"]
    return Path(folder, image)


# the truth table


def test_the_truth_lists_every_file_once_and_nothing_else(folder, truth):
    assert sorted(truth["image"]) == sorted(files_in(folder))


def test_the_truth_has_the_documented_columns_as_plain_text_objects(truth):
    assert list(truth.columns) == ["image", "group", "variation"]
    assert all(pd.api.types.is_object_dtype(truth[column]) for column in truth)
    assert all(type(value) is str and value for value in truth.to_numpy().ravel())


def test_the_collection_is_as_large_as_its_docstring_says(folder, truth):
    assert len(truth) == 186
    assert sum(path.stat().st_size for path in files_in(folder).values()) == pytest.approx(
        13e6, abs=1e6
    )


def test_every_photograph_has_one_original_and_one_exact_copy(truth):
    photos = truth[truth["group"].isin(list(PHOTOS))]
    counts = pd.crosstab(photos["group"], photos["variation"])
    assert sorted(counts.index) == sorted(PHOTOS)
    assert (counts[["original", "exact copy"]] == 1).all(axis=None)


def test_the_first_photograph_comes_in_every_variation(truth):
    variations = truth.loc[truth["group"] == "cat", "variation"]
    assert sorted(variations) == sorted(["original", "exact copy", *VARIATIONS])


def test_every_variation_is_made_of_several_photographs(truth):
    counts = truth.groupby("variation")["group"].nunique()
    assert (counts[list(VARIATIONS)] >= 4).all()


def test_everything_else_is_alone_in_its_group(truth):
    others = truth[~truth["group"].isin(list(PHOTOS))]
    assert others["group"].is_unique
    assert others["variation"].value_counts().to_dict() == {
        "original": 9,
        "other view": 1,
        "look-alike": 2,
        "blank": 2,
        "broken": 4,
    }


def test_names_are_legal_on_every_system_and_some_are_awkward(truth):
    assert not truth["image"].str.contains(r'[<>:"\\|?*]|[. ](?:/|$)', regex=True).any()
    assert truth["image"].str.casefold().is_unique
    assert {"copies/Anna's Kätzchen & co.jpg", "web/Café crème, 100 % (Kopie).jpg"} <= set(
        truth["image"]
    )


# the pictures


def test_originals_keep_within_the_long_side(folder, truth):
    for image in truth.loc[truth["variation"].isin(["original", "other view"]), "image"]:
        with Image.open(folder / image) as original:
            assert max(original.size) <= LONG_SIDE


def test_exact_copies_and_only_they_share_their_bytes(folder, truth):
    digests = truth["image"].map(digests_of(folder))
    copied = truth["variation"].isin(["original", "exact copy"]) & truth["group"].isin(list(PHOTOS))
    assert all(len(set(pair)) == 1 for _, pair in digests[copied].groupby(truth["group"]))
    assert digests[~copied].is_unique
    assert set(digests[copied]).isdisjoint(digests[~copied])


def test_lossless_copies_share_their_pixels(folder, truth):
    for group, variation in [
        ("cat", "png"),
        ("cat", "tiff"),
        ("coffee", "png"),
        ("rocket", "tiff"),
    ]:
        original, copy = (
            Image.open(path_of(folder, truth, group, name)) for name in ["original", variation]
        )
        with original, copy:
            assert np.array_equal(np.asarray(original), np.asarray(copy))


def test_recompressed_copies_look_like_their_original(folder, truth):
    for row in truth[truth["variation"].isin(RECOMPRESSED)].itertuples():
        original = pixels_of(path_of(folder, truth, row.group, "original"), (32, 32))
        assert difference(original, pixels_of(folder / row.image, (32, 32))) < 4, row.image


def test_of_all_originals_the_one_of_its_group_is_the_closest(folder, truth):
    originals = truth[truth["variation"].isin(["original", "other view"])]
    looks = {row.group: pixels_of(folder / row.image, (32, 32)) for row in originals.itertuples()}
    for row in truth[truth["variation"].isin(SAME_LAYOUT)].itertuples():
        look = pixels_of(folder / row.image, (32, 32))
        assert min(looks, key=lambda group: difference(look, looks[group])) == row.group, row.image


def test_every_variation_but_the_lossless_ones_changes_what_is_seen(folder, truth):
    for row in truth[truth["variation"].isin(VARIATIONS.keys() - {"png", "tiff"})].itertuples():
        original = Image.open(path_of(folder, truth, row.group, "original"))
        with original, Image.open(folder / row.image) as copy:
            assert (copy.mode, copy.size) != (
                original.mode,
                original.size,
            ) or copy.tobytes() != original.tobytes()


@pytest.mark.parametrize(
    ("variation", "undo"),
    [
        ("mirrored", np.fliplr),
        ("upside down", np.flipud),
        ("rotated 90", lambda pixels: np.rot90(pixels, -1)),
        ("rotated 180", lambda pixels: np.rot90(pixels, 2)),
    ],
)
def test_turned_copies_turn_back_into_their_original(folder, truth, variation, undo):
    for group in truth.loc[truth["variation"] == variation, "group"]:
        original, turned = (path_of(folder, truth, group, name) for name in ["original", variation])
        assert difference(pixels_of(original), undo(pixels_of(turned))) < 2
        assert (
            difference(pixels_of(original, (32, 32)), pixels_of(turned, (32, 32))) > 2
        )  # and it was turned at all


def test_an_exif_rotated_copy_lies_on_its_side_and_is_shown_upright(folder, truth):
    for group in truth.loc[truth["variation"] == "exif rotated", "group"]:
        path = path_of(folder, truth, group, "exif rotated")
        upright = pixels_of(path_of(folder, truth, group, "original"))
        with Image.open(path) as stored:
            assert stored.getexif()[0x0112] == 6
            assert (stored.height, stored.width) == upright.shape[::-1]
            sideways = np.asarray(stored.convert("L"), dtype=float)
        assert difference(upright, pixels_of(path)) < 2
        assert difference(upright, np.rot90(sideways, -1)) < 2


def test_cropped_copies_lack_their_left_and_top(folder, truth):
    for share, variation in [(0.05, "cropped 5 %"), (0.30, "cropped 30 %")]:
        original = pixels_of(path_of(folder, truth, "cat", "original"))
        cropped = pixels_of(path_of(folder, truth, "cat", variation))
        assert cropped.shape == tuple(side - round(side * share) for side in original.shape)
        assert difference(original[-cropped.shape[0] :, -cropped.shape[1] :], cropped) < 2


def test_a_caption_covers_the_bottom_eighth_and_nothing_more(folder, truth):
    original, captioned = (
        pixels_of(path_of(folder, truth, "cat", name)) for name in ["original", "caption"]
    )
    bar = original.shape[0] // 8
    assert difference(original[: -bar - 8], captioned[: -bar - 8]) < 2  # JPEG smears up to 8 rows
    assert np.median(captioned[-bar + 8 :]) < 10
    assert captioned[-bar + 8 :].max() > 200


def test_unusual_pixel_formats_are_what_they_say(folder, truth):
    modes = {}
    for variation in ["256 colours", "16-bit grey", "greyscale", "transparent border"]:
        with Image.open(path_of(folder, truth, "cat", variation)) as image:
            modes[variation] = image.mode
    assert modes == {
        "256 colours": "P",
        "16-bit grey": "I;16",
        "greyscale": "L",
        "transparent border": "RGBA",
    }


def test_sixteen_bits_span_from_black_to_white(folder, truth):
    with Image.open(path_of(folder, truth, "cat", "16-bit grey")) as image:
        deep = np.asarray(image)
    assert np.array_equal(deep, pixels_of(path_of(folder, truth, "cat", "original")) * 65535 / 255)


def test_a_transparent_border_surrounds_an_opaque_picture(folder, truth):
    with Image.open(path_of(folder, truth, "cat", "transparent border")) as image:
        alpha = np.asarray(image.getchannel("A"))
        border = image.width // 22  # a twentieth of the width before the border was added
    assert not alpha[:border].any()
    assert not alpha[:, -border:].any()
    assert (alpha[2 * border : -2 * border, 2 * border : -2 * border] == 255).all()


def test_the_two_views_of_the_motorcycle_are_alike_yet_not_duplicates(folder, truth):
    left, right = (
        pixels_of(folder / f"album/motorcycle-{side}.jpg", (32, 32)) for side in ["left", "right"]
    )
    others = truth.loc[truth["variation"] == "original", "image"].drop_duplicates()
    gaps = [
        difference(right, pixels_of(folder / image, (32, 32)))
        for image in others
        if "motorcycle" not in image
    ]
    assert 5 < difference(left, right) < min(gaps)
    assert truth.loc[truth["image"].str.contains("motorcycle"), "group"].nunique() == 2


def test_blank_pictures_have_one_grey_level(folder, truth):
    levels = {
        image: set(pixels_of(folder / image).ravel())
        for image in truth.loc[truth["variation"] == "blank", "image"]
    }
    assert levels == {"scans/blank-page.png": {255.0}, "album/lens-cap.png": {0.0}}


def test_all_files_load_but_the_broken_ones(folder, truth):
    for row in truth.itertuples():
        if row.variation == "broken":
            with pytest.raises(OSError, match=r"cannot identify|truncated"):
                pixels_of(folder / row.image)
        else:
            assert pixels_of(folder / row.image).size


# the folder


def test_two_folders_get_the_same_bytes_and_the_same_truth(folder, truth, tmp_path):
    pd.testing.assert_frame_equal(make_demo_collection(str(tmp_path)), truth)
    assert digests_of(tmp_path) == digests_of(folder)


def test_a_second_call_writes_nothing_and_returns_the_same_truth(folder, truth):
    before = {name: path.stat().st_mtime_ns for name, path in files_in(folder).items()}
    pd.testing.assert_frame_equal(make_demo_collection(folder), truth)
    assert {name: path.stat().st_mtime_ns for name, path in files_in(folder).items()} == before


@pytest.mark.usefixtures("few")
def test_deleted_files_come_back_and_the_others_are_not_touched(tmp_path):
    truth = make_demo_collection(tmp_path)
    before = digests_of(tmp_path)
    kept = tmp_path / "album" / "cat.jpg"
    os.utime(kept, (1, 1))
    shutil.rmtree(tmp_path / "copies")
    (tmp_path / "web/cat-jpeg-40.jpg").unlink()
    pd.testing.assert_frame_equal(make_demo_collection(tmp_path), truth)
    assert digests_of(tmp_path) == before
    assert kept.stat().st_mtime == 1


@pytest.mark.usefixtures("few")
def test_a_strange_file_is_named_and_nothing_is_written(tmp_path):
    strange = tmp_path / "album" / "holiday.jpg"
    strange.parent.mkdir()
    strange.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"album/holiday\.jpg.*name another folder"):
        make_demo_collection(tmp_path)
    assert files_in(tmp_path) == {"album/holiday.jpg": strange}


@pytest.mark.usefixtures("few")
def test_a_strange_file_under_a_name_of_the_collection_is_not_overwritten(tmp_path):
    strange = tmp_path / "album" / "cat.jpg"
    strange.parent.mkdir()
    strange.write_bytes(b"my own cat")
    with pytest.raises(FileExistsError, match=r"album/cat\.jpg.*name another folder"):
        make_demo_collection(tmp_path)
    assert files_in(tmp_path) == {"album/cat.jpg": strange}
    assert strange.read_bytes() == b"my own cat"


@pytest.mark.usefixtures("few")
def test_hidden_files_are_left_alone(tmp_path):
    hidden = [tmp_path / ".index" / "pairs.sqlite", tmp_path / ".DS_Store"]
    hidden[0].parent.mkdir()
    for path in hidden:
        path.write_bytes(b"kept")
    truth = make_demo_collection(tmp_path)
    assert len(files_in(tmp_path)) == len(truth) + 2
    assert [path.read_bytes() for path in hidden] == [b"kept", b"kept"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "demo").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="is a file"):
        make_demo_collection(tmp_path / "demo")


@pytest.mark.parametrize("package", ["skimage", "sklearn"])
def test_a_missing_package_is_named_with_the_way_out_before_anything_is_written(
    tmp_path, monkeypatch, package
):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ImportError, match=rf'{package}.*pip install "imgdup-nb\[demo\]"'):
        make_demo_collection(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


@pytest.mark.usefixtures("few")
def test_a_complete_collection_is_used_again_without_the_packages(tmp_path, monkeypatch):
    truth = make_demo_collection(tmp_path)
    monkeypatch.setitem(sys.modules, "skimage", None)
    pd.testing.assert_frame_equal(make_demo_collection(tmp_path), truth)


@pytest.mark.usefixtures("few")
def test_a_package_without_its_pictures_is_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SINGLES", {"album/unicorn.jpg": "skimage/data/unicorn.png"})
    with pytest.raises(
        FileNotFoundError, match=r'skimage/data/unicorn\.png.*pip install .*"imgdup-nb\[demo\]"'
    ):
        make_demo_collection(tmp_path)


def test_trays_of_coins_look_alike_between_80_and_90_and_are_no_copies(folder, truth):
    trays = ["album/coins.jpg", *demo.TRAYS]
    prints = fingerprint_images(scan_images([str(folder / name) for name in trays]))
    pairs = similar_pairs(prints, min_similarity=50)
    assert len(pairs) == 3
    assert pairs.similarity.between(80, 90, inclusive="neither").all()
    assert truth.loc[truth["image"].isin(trays), "group"].is_unique


def test_a_tray_holds_each_coin_once():
    for step, first in demo.TRAYS.values():
        coins = {(step * place + first) % len(demo.COINS) for place in range(len(demo.COINS))}
        assert len(coins) == 24
