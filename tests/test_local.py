"""Local features: what is found whatever was done to a picture, what is not mistaken, and what the columns say."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from imgdup_nb import (
    Fingerprints,
    fingerprint_images,
    group_duplicates,
    scan_images,
    similar_pairs,
    similarity_matrix,
    verify_pairs,
)
from imgdup_nb.aligned import registration as alignment
from imgdup_nb.aligned.agreement import Alignment, is_textured, judge_unsupported
from imgdup_nb.aligned.candidates import find_candidates
from imgdup_nb.aligned.geometry import apply, frame_transform, invert, outline
from imgdup_nb.aligned.match_loops import (
    ANGLE_BINS,
    _bin_of,
    mutual_matches,
    popcount,
    ratio_matches,
)
from imgdup_nb.aligned.registration import VIEWS, _refine_small, align, is_enlarged
from imgdup_nb.aligned.scores import MAX_VOTE_BITS, score_akaze
from imgdup_nb.aligned.warp_loops import (
    blur,
    blur_inside,
    clip_to_picture,
    fit_affine,
    judge_flat_blocks,
    quickselect,
    similarity_of,
    solve,
    sum_cells,
    warp,
)
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.engine import copies as relations
from imgdup_nb.engine.features import (
    Features,
    akaze_features,
    aligned_features,
    features_made_with,
    one_cv2_thread,
    working_size,
)

COLUMNS = [
    "overlap_left",
    "overlap_right",
    "rotation",
    "scale",
    "mirrored",
    "matches",
    "residual",
    "scored_by",
]


@pytest.fixture(scope="module")
def cat():
    return _open_original(PHOTOS["cat"]).convert("RGB")


@pytest.fixture(scope="module")
def temple():
    return _open_original(PHOTOS["temple"]).convert("RGB")


def crop(image, share, left=0.5, top=0.5):
    width, height = round(image.width * share), round(image.height * share)
    x, y = round((image.width - width) * left), round((image.height - height) * top)
    return image.crop((x, y, x + width, y + height))


def captioned(image):
    changed = image.copy()
    ImageDraw.Draw(changed).rectangle((0, round(0.72 * image.height), *image.size), fill="black")
    return changed


def collage(image, other):
    canvas = Image.new("RGB", (image.width + other.width, max(image.height, other.height)), "white")
    canvas.paste(image, (0, 0))
    canvas.paste(other, (image.width, 0))
    return canvas


def page(seed, size=14):
    """Return a page of random words, its lines where every other page has them."""
    random = np.random.default_rng(seed)
    sheet = Image.new("L", (600, 800), 255)
    font, draw = ImageFont.load_default(size), ImageDraw.Draw(sheet)
    for y in range(40, 760, 22):
        words = [
            "".join(chr(97 + k) for k in random.integers(0, 26, random.integers(2, 9)))
            for _ in range(11)
        ]
        draw.text((40, y), " ".join(words), fill=0, font=font)
    return sheet.convert("RGB")


def noise(seed, width=320, height=240):
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


def aligned(left, right):
    return align(aligned_features(left), aligned_features(right))


def table_of(folder, pictures, method="aligned", **options):
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return similar_pairs(fingerprint_images(scan_images(folder), method), **options)


# -- what is found ---------------------------------------------------------------------------------

CHANGES = {
    "cropped to 80 %": lambda image: crop(image, 0.8, 0.9, 0.2),
    "cropped to 60 %": lambda image: crop(image, 0.6, 0.3, 0.6),
    "turned by 25 degrees": lambda image: image.rotate(25, Image.Resampling.BICUBIC),
    "turned by 160 degrees": lambda image: image.rotate(160, Image.Resampling.BICUBIC, expand=True),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "mirrored and turned": lambda image: ImageOps.mirror(image).rotate(
        40, Image.Resampling.BICUBIC, expand=True
    ),
    "squashed": lambda image: image.resize((image.width * 2 // 3, image.height)),
    "a third of the size": lambda image: image.resize(
        (image.width // 3, image.height // 3), Image.Resampling.LANCZOS
    ),
    "twice the size": lambda image: image.resize((image.width * 2, image.height * 2)),
    "brighter": lambda image: image.point(lambda value: min(255, round(value * 1.3))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_agrees_where_both_show_the_same(cat, change):
    assert aligned(cat, change(cat)).similarity >= 90


def test_a_covered_part_counts_against_the_similarity(cat):
    found = aligned(cat, captioned(cat))
    assert 50 <= found.similarity <= 80  # 28 % of the picture lie under the bar
    blocks = found.blocks
    lower = np.arange(len(blocks)) > 0.78 * len(blocks)
    assert np.nanmean(blocks[: round(0.6 * len(blocks))]) > 0.95
    assert np.nanmean(blocks[lower]) < 0.5


def test_a_picture_is_found_in_a_collage(cat, temple):
    both = collage(cat, temple)
    for part in (cat, temple):
        found = aligned(part, both)
        assert found.similarity >= 90
        assert found.overlap_left > 97
        assert 30 < found.overlap_right < 60


def test_overlap_rotation_scale_and_mirror_are_those_of_the_change(cat):
    turned = aligned(cat, cat.rotate(30, Image.Resampling.BICUBIC))
    assert turned.rotation == pytest.approx(30, abs=1)
    assert not turned.mirrored
    part = aligned(cat, crop(cat, 0.7))
    assert part.overlap_left == pytest.approx(49, abs=2)
    assert part.overlap_right == pytest.approx(100, abs=1)
    assert part.scale == pytest.approx(1 / 0.7, abs=0.03)
    whole = aligned(cat, ImageOps.mirror(cat))
    assert whole.mirrored
    assert whole.rotation == pytest.approx(0, abs=1)
    assert (whole.overlap_left, whole.overlap_right) == pytest.approx((100, 100), abs=1.5)
    assert whole.scale == pytest.approx(1, abs=0.02)


def test_the_transform_leads_points_of_left_to_the_same_points_of_right(cat):
    found = aligned(cat, crop(cat, 0.5, 0, 0))
    width, height = working_size(*cat.size)
    assert apply(found.transform, [(0, 0), (width / 2, height / 2)]) == pytest.approx(
        np.array([(0, 0), working_size(*crop(cat, 0.5).size)]), abs=3
    )


def test_going_back_undoes_a_transform():
    transform = np.array([[0.9, -0.3, 12], [0.2, 1.1, -7]])
    points = np.random.default_rng(0).random((5, 2)) * 100
    assert apply(invert(transform), apply(transform, points)) == pytest.approx(points)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_similarity_does_not_depend_on_which_picture_comes_first(cat, change):
    one, other = aligned_features(cat), aligned_features(change(cat))
    forth, back = align(one, other), align(other, one)
    assert (forth.similarity, forth.matches, forth.mirrored) == (
        back.similarity,
        back.matches,
        back.mirrored,
    )
    assert (forth.overlap_left, forth.overlap_right) == (back.overlap_right, back.overlap_left)
    assert forth.scale == pytest.approx(1 / back.scale)


def shaken(image, pixels):
    """Return another shot: what is near has moved against what is far, by some pixels of the size it is aligned at."""
    wide, high = working_size(*image.size)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    moved = (
        x + pixels * np.sin(x / 23 + y / 31).astype(np.float32),
        y + pixels * np.cos(x / 29 - y / 19).astype(np.float32),
    )
    return Image.fromarray(
        cv2.remap(
            np.asarray(image.resize((wide, high))),
            *moved,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
    )


def test_another_shot_of_a_scene_is_in_the_band_of_what_looks_alike_and_a_copy_above(cat, temple):
    for picture in (cat, temple):
        small = picture.resize((160, 107), Image.Resampling.LANCZOS)
        assert aligned(picture, shaken(picture, 1.5)).similarity <= 79
        assert aligned(picture, shaken(picture, 0)).similarity >= 90
        assert aligned(picture, small).similarity >= 90
        assert (
            aligned(picture, small).residual
            < 0.15
            < 0.22
            < aligned(picture, shaken(picture, 1.5)).residual
        )


def test_what_lies_apart_changes_nothing_below_the_lowest_band_and_keeps_the_order_above():
    assert [similarity_of(share / 100, 0.05, 0.0) for share in (0, 69, 85, 100)] == pytest.approx(
        [0, 69, 85, 100]
    )
    assert [
        similarity_of(share / 100, 0.5, 0.0) for share in (0, 69, 70, 85, 100)
    ] == pytest.approx([0, 69, 70, 74.5, 79])
    assert 79 < similarity_of(1.0, 0.18, 0.0) < 100


def test_what_is_in_doubt_is_in_that_band_too_however_still_it_lies():
    assert [similarity_of(share / 100, 0.05, 1.0) for share in (0, 69, 85, 100)] == pytest.approx(
        [0, 69, 74.5, 79]
    )
    assert similarity_of(1.0, 0.05, 0.5) == pytest.approx(89.5)


# -- pictures that are tiny or nearly flat ---------------------------------------------------------


@pytest.mark.parametrize("side", [32, 48, 64])
def test_half_size_copies_of_tiny_pictures_look_alike_at_least_and_other_tiny_pictures_do_not(
    cat, temple, side
):
    tiny = [
        picture.resize((side, side * 3 // 4), Image.Resampling.LANCZOS) for picture in (cat, temple)
    ]
    halves = [
        picture.resize((side // 2, side * 3 // 8), Image.Resampling.LANCZOS) for picture in tiny
    ]
    for whole, half in zip(tiny, halves, strict=True):
        found = aligned(whole, half)
        assert found.similarity >= 70
        assert (found.overlap_left, found.overlap_right) == pytest.approx((100, 100), abs=10)
        assert found.similarity <= 79 or not found.coarse
    assert aligned(tiny[0], halves[1]).similarity < 50
    assert (
        align(aligned_features(tiny[0]), aligned_features(halves[0])).similarity
        == aligned(halves[0], tiny[0]).similarity
    )


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name.lower())
def test_a_tiny_copy_is_found_turned_and_mirrored_too(cat, turn):
    tiny = cat.resize((40, 30), Image.Resampling.LANCZOS)
    found = aligned(tiny, tiny.resize((20, 15), Image.Resampling.LANCZOS).transpose(turn))
    assert found.similarity >= 70
    assert found.mirrored == (turn.name.startswith("FLIP") or turn.name.startswith("TRANS"))


def test_a_frame_is_laid_on_a_frame_as_numpy_turns_pictures():
    small = np.arange(256)
    for view, places in enumerate(VIEWS):
        transform = frame_transform(view, (320, 240), (200, 300))
        x, y = apply(transform, outline((320, 240))).T
        assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((0, 200, 0, 300))
        row, column = divmod(
            int(np.flatnonzero(small[places] == 3)[0]), 16
        )  # where the pixel (3, 0) of 16 x 16 has gone
        [middle] = apply(transform, [(3.5 / 16 * 320, 0.5 / 16 * 240)])
        assert tuple(middle) == pytest.approx(((column + 0.5) / 16 * 200, (row + 0.5) / 16 * 300))


def test_only_pictures_of_few_pixels_may_be_judged_when_made_small(cat):
    assert is_enlarged(aligned_features(cat.resize((32, 24))).grey)
    assert not is_enlarged(aligned_features(cat).grey)
    random = np.random.default_rng(0)
    base = np.asarray(cat.convert("L").resize((320, 240)), dtype=float)  # one cloth, two weaves
    one, other = (
        Image.fromarray(np.clip(base + random.normal(0, 35, base.shape), 0, 255).astype(np.uint8))
        for _ in range(2)
    )
    features = [
        aligned_features(picture.filter(ImageFilter.GaussianBlur(1)).convert("RGB"))
        for picture in (one, other)
    ]
    straight = frame_transform(0, features[0].size, features[1].size)
    assert _refine_small(*features, straight).similarity >= 70  # it would pass
    assert align(*features).coarse is False


def card(ground, words, lines=1):
    """Return a flat picture that bears a caption."""
    sheet = Image.new("RGB", (480, 360), ground)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(26)
    for line in range(lines):
        draw.text(
            (70, 290 - 40 * line), words, fill="white" if sum(ground) < 384 else "black", font=font
        )
    return sheet


def test_one_caption_on_two_shades_is_no_copy_and_a_copy_of_a_card_is():
    red, pale, words = (150, 60, 60), (70, 20, 20), "The quick brown fox jumps"
    assert aligned(card(red, words), card(red, words).resize((240, 180))).similarity >= 99
    assert aligned(card(red, words), card(pale, words)).similarity <= 79
    assert aligned(card(red, words), card(red, "An annual report, part two")).similarity < 70


def test_few_lines_below_one_header_are_told_apart():
    def sheet(words):
        page = Image.new("RGB", (620, 877), "white")
        draw = ImageDraw.Draw(page)
        draw.text((60, 50), "Company Limited", fill="black", font=ImageFont.load_default(34))
        draw.line((60, 100, 560, 100), fill="black", width=2)
        draw.text((60, 160), words, fill="black", font=ImageFont.load_default(17))
        return page

    one, other = (
        sheet("we met her down by the water and made a list"),
        sheet("no day may come where words could be like oil"),
    )
    assert aligned(one, other).similarity <= 79
    assert aligned(one, one.resize((310, 438), Image.Resampling.LANCZOS)).similarity >= 99


def flat_pair(left, right):
    """Return the blocks' correlations before and after flat ones were judged, and what was said of them."""
    there = np.ones(left.shape, np.float32)
    sums = sum_cells(left.astype(np.float32), there, right.astype(np.float32), 8)
    blocks = np.full((left.shape[0] // 8 - 1, left.shape[1] // 8 - 1), np.nan, np.float32)
    blocks[0] = 1.0  # a caption that agrees
    return blocks, judge_flat_blocks(sums, 8, blocks)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.0, 12.0), (0.7, 30.0), (1.5, -20.0)])
def test_flat_blocks_that_follow_the_brightness_of_the_whole_do_not_disagree(gain, offset):
    left = np.full((120, 160), 60.0)
    left[60:], left[:16] = 150.0, 100.0
    blocks, (sparse, _) = flat_pair(left, gain * left + offset)
    assert np.isnan(blocks[1:]).all()
    assert sparse == 1


def test_flat_blocks_of_another_brightness_disagree_and_a_shade_is_noticed():
    left = np.full((120, 160), 120.0)
    right = left.copy()
    right[80:, 100:] = 220.0
    blocks, (_, shade) = flat_pair(left, right)
    assert (blocks[11:, 13:] == 0).all()
    assert np.isnan(blocks[1:8]).all()
    assert shade < 1
    assert flat_pair(left, left + 60)[1] == (1.0, 1.0)
    assert flat_pair(left, left + 10)[1] == (1.0, 0.0)


def test_flat_blocks_say_nothing_where_enough_is_textured():
    there, left = np.ones((80, 80), np.float32), np.zeros((80, 80), np.float32)
    blocks = np.full((9, 9), np.nan, np.float32)
    blocks[:4] = 1.0  # 36 of 81
    assert judge_flat_blocks(sum_cells(left, there, left + np.float32(200), 8), 8, blocks) == (
        0.0,
        0.0,
    )
    assert np.isnan(blocks[4:]).all()


# -- what is not mistaken --------------------------------------------------------------------------

STRANGERS = {
    "photographs": lambda: [
        _open_original(source).convert("RGB") for source in list(PHOTOS.values())[:6]
    ],
    "text pages": lambda: [page(seed) for seed in range(4)],
    "noise": lambda: [noise(seed) for seed in range(4)],
    "stripes and checks": lambda: [stripes(period) for period in (7, 11, 16)],
}


def stripes(period):
    y, x = np.mgrid[:240, :320]
    return Image.fromarray((((x // period + y // period) % 2) * 255).astype(np.uint8)).convert(
        "RGB"
    )


@pytest.mark.parametrize(("correlation", "similarity"), [(0.95, 79.0), (0.87, 0.0)])
def test_blocks_that_lie_apart_and_that_few_features_carry_must_agree_more(correlation, similarity):
    blocks = np.full((6, 8), correlation, np.float32)
    blocks[0] = np.nan  # flat in both
    found = Alignment(79.0, matches=25, transform=np.eye(3)[:2], blocks=blocks, residual=0.35)
    assert judge_unsupported(found).similarity == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("residual", "vouched", "similarity"), [(0.35, 2.0, 0.0), (0.35, 0.1, 79.0), (0.1, 2.0, 79.0)]
)
def test_more_is_asked_only_where_blocks_lie_apart_and_few_features_carry_them(
    monkeypatch, cat, residual, vouched, similarity
):
    blocks = np.full((6, 8), 0.87, np.float32)
    found = Alignment(79.0, matches=25, transform=np.eye(3)[:2], blocks=blocks, residual=residual)
    monkeypatch.setattr(alignment, "refine", lambda *_: found)
    monkeypatch.setattr(
        alignment, "MIN_SUPPORTED_SHARE", vouched
    )  # of the features; 2.0 is more than there are
    features = aligned_features(cat)
    straight = np.repeat(np.arange(len(features.points)), 2).reshape(-1, 2)
    assert alignment._align_view(features, features, straight, False).similarity == pytest.approx(
        similarity
    )


@pytest.mark.parametrize("pictures", STRANGERS.values(), ids=STRANGERS)
def test_strangers_are_below_the_lowest_band(pictures):
    features = [aligned_features(picture) for picture in pictures()]
    for one, other in itertools.combinations(features, 2):
        assert align(one, other).similarity < 70


def test_a_shared_wall_is_not_a_shared_picture(cat, temple):
    wall = noise(9, 480, 360).resize((960, 720)).crop((0, 0, 640, 480))
    one, other = wall.copy(), wall.copy()
    one.paste(cat.resize((420, 320)), (110, 80))
    other.paste(temple.resize((420, 320)), (110, 80))
    assert aligned(one, other).similarity < 75


ODD = {
    "a pixel": lambda: Image.new("RGB", (1, 1), "red"),
    "a small icon": lambda: noise(1, 24, 24),
    "a line": lambda: noise(2, 1000, 1),
    "a panorama": lambda: noise(3, 2000, 100),
    "black": lambda: Image.new("RGB", (300, 200)),
    "a ramp": lambda: Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (200, 1))).convert(
        "RGB"
    ),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_pictures_neither_fail_nor_agree_with_a_photograph(cat, make):
    odd = aligned_features(make())
    assert align(odd, aligned_features(cat)).similarity < 70
    assert align(odd, odd).similarity in {0, 100}
    assert score_akaze(akaze_features(make()), akaze_features(cat)).similarity < 15


def test_a_panorama_keeps_its_height(temple):
    wide = Image.new("RGB", (temple.width * 8, temple.height // 3))
    for k in range(8):
        wide.paste(
            ImageOps.posterize(temple, 1 + k % 7).crop(
                (0, 60 + k, temple.width, 60 + k + wide.height)
            ),
            (temple.width * k, 0),
        )
    assert wide.width / wide.height > 20
    found = aligned(wide, wide.resize((wide.width // 2, wide.height // 2)))
    assert found.similarity > 90


def test_a_small_copy_of_64_pixels_is_found(cat):
    assert aligned(cat, cat.resize((96, 64), Image.Resampling.LANCZOS)).similarity >= 70


# -- the pair table --------------------------------------------------------------------------------


@pytest.fixture
def pictures(cat, temple):
    return {
        "cat": cat,
        "cat-crop": crop(cat, 0.7),
        "cat-mirrored": ImageOps.mirror(cat),
        "temple": temple,
        "temple-turned": temple.rotate(30, expand=True),
        "white": Image.new("RGB", (200, 150), "white"),
    }


def test_the_pair_table_says_how_pictures_lie_on_each_other(tmp_path, pictures):
    pairs = table_of(tmp_path, pictures)
    assert list(pairs.columns) == ["left", "right", "distance", "similarity", "relation", *COLUMNS]
    found = set(zip(pairs.left, pairs.right, strict=True))
    assert found == {
        ("cat-crop.png", "cat.png"),
        ("cat-mirrored.png", "cat.png"),
        ("cat-crop.png", "cat-mirrored.png"),
        ("temple-turned.png", "temple.png"),
    }
    assert (pairs.distance == 100 - pairs.similarity).all()
    assert pairs.attrs["unit"] == "percent"
    assert pairs.attrs["floor"] == 70
    assert (pairs.residual < 0.15).all()  # copies lie still
    mirrored = pairs[pairs.mirrored.astype(bool)]
    assert len(mirrored) == 2


def test_groups_follow_from_aligned_pairs(tmp_path, pictures):
    groups = group_duplicates(table_of(tmp_path, pictures), 80)
    assert sorted(sorted(group) for group in groups) == [
        ["cat-crop.png", "cat-mirrored.png", "cat.png"],
        ["temple-turned.png", "temple.png"],
    ]


def test_names_order_and_threads_do_not_change_the_table(tmp_path, pictures):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    straight = table_of(first, pictures)
    renamed = {f"{9 - k}": picture for k, picture in enumerate(pictures.values())}
    back = dict(
        zip((f"{name}.png" for name in renamed), (f"{name}.png" for name in pictures), strict=True)
    )
    with ThreadPoolExecutor(3) as pool:
        turned_round = table_of(second, renamed, executor=pool)

    def scores(pairs, names):
        return {
            frozenset((names[a], names[b])): (s, m)
            for a, b, s, m in zip(
                pairs.left, pairs.right, pairs.similarity, pairs.matches, strict=True
            )
        }

    assert scores(straight, {name: name for name in back.values()}) == scores(turned_round, back)


def test_the_score_of_a_pair_does_not_depend_on_the_collection(tmp_path, pictures, cat):
    pairs = table_of(tmp_path, pictures).set_index(["left", "right"])
    alone = aligned(cat, crop(cat, 0.7))
    [row] = [row for (a, b), row in pairs.iterrows() if {a, b} == {"cat.png", "cat-crop.png"}]
    assert row.similarity == alone.similarity


def test_pictures_with_too_little_texture_for_features_are_laidlay_frame(tmp_path):
    y, x = np.mgrid[:200, :300]
    hill = Image.fromarray(
        (255 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / 9000)).astype(np.uint8)
    ).convert("RGB")
    assert not is_textured(aligned_features(hill))
    [pair] = table_of(
        tmp_path, {"hill": hill, "small": hill.resize((150, 100)), "ramp": ODD["a ramp"]()}
    ).itertuples()
    assert ({pair.left, pair.right}, pair.scored_by, pair.matches) == (
        {"small.png", "hill.png"},
        "aligned",
        0,
    )
    assert pair.similarity >= 99
    assert pair.overlap_left == pytest.approx(100, abs=2)


def test_too_little_texture_for_that_falls_back_to_phash_and_says_so(tmp_path):
    y, x = np.mgrid[:200, :300]
    hill = Image.fromarray(
        (100 + 40 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / 9000)).astype(np.uint8)
    ).convert("RGB")
    pairs = table_of(
        tmp_path, {"hill": hill, "hill-small": hill.resize((150, 100)), "ramp": ODD["a ramp"]()}
    )
    assert list(zip(pairs.left, pairs.right, strict=True)) == [("hill-small.png", "hill.png")]
    assert pairs.scored_by.tolist() == ["phash"]
    assert pairs.overlap_left.isna().all()


def test_stripes_and_gradients_whose_hashes_are_the_same_are_no_pair(tmp_path):
    y, x = np.mgrid[:480, :640]
    drawn = {f"down-{width}": y // width % 2 * 255 for width in (4, 8, 16, 17, 32)}
    drawn |= {f"across-{width}": x // width % 2 * 255 for width in (4, 8, 32)} | {
        "shade": y * 255 // 479
    }
    pictures = {name: Image.fromarray(grey.astype(np.uint8)) for name, grey in drawn.items()}
    pictures["down-32-small"] = pictures["down-32"].resize((320, 240), Image.Resampling.BOX)
    folder = tmp_path / "drawn"
    folder.mkdir()
    pairs = table_of(folder, pictures)
    by_hash = similar_pairs(fingerprint_images(scan_images(folder), "phash"), min_similarity=90)
    assert len(by_hash) > 10
    assert list(zip(pairs.left, pairs.right, strict=True)) == [("down-32-small.png", "down-32.png")]


def test_blank_pictures_are_in_no_pair_unless_they_are_the_same(tmp_path):
    pairs = table_of(
        tmp_path,
        {"white": Image.new("RGB", (99, 80), "white"), "black": Image.new("RGB", (90, 80))},
    )
    assert pairs.empty
    assert pairs.attrs["low_detail"] == 2
    (tmp_path / "white-again.png").write_bytes((tmp_path / "white.png").read_bytes())
    again = similar_pairs(fingerprint_images(scan_images(tmp_path), "aligned"))
    assert again.relation.tolist() == ["same bytes"]


@pytest.mark.parametrize("method", ["aligned", "akaze"])
@pytest.mark.parametrize("n", [0, 1])
def test_no_image_and_one_image_have_no_pairs(tmp_path, cat, method, n):
    cat.save(tmp_path / "cat.png")
    prints = fingerprint_images(scan_images(tmp_path).iloc[:n], method)
    assert len(prints) == n
    assert len(prints.to_frame()) == n
    assert similar_pairs(prints).empty
    assert method in repr(prints)


def test_local_features_have_no_matrix_and_no_bits(tmp_path, cat):
    cat.save(tmp_path / "cat.png")
    with pytest.raises(ValueError, match="similar_pairs"):
        similarity_matrix(fingerprint_images(scan_images(tmp_path), "aligned"))
    with pytest.raises(ValueError, match="'aligned' is not"):
        Fingerprints.from_bits(["a"], [[True] * 64], "aligned")


def test_images_turned_by_exif_are_upright_before_anything_else(tmp_path, cat):
    exif = Image.Exif()
    exif[0x0112] = 6
    cat.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    cat.save(tmp_path / "cat.jpg", quality=95)
    [pair] = similar_pairs(fingerprint_images(scan_images(tmp_path), "aligned")).itertuples()
    assert pair.rotation == pytest.approx(0, abs=0.5)


# -- verify ----------------------------------------------------------------------------------------


def test_pixels_are_compared_only_where_one_picture_lies_upright_on_the_other(
    tmp_path, cat, monkeypatch
):
    cat.save(tmp_path / "cat.png")
    cat.save(tmp_path / "same.bmp")
    ImageOps.mirror(cat).save(tmp_path / "turned.png")
    decoded = []
    digest = relations._pixel_digest
    monkeypatch.setattr(
        relations, "_pixel_digest", lambda stamp: decoded.append(stamp[0]) or digest(stamp)
    )
    pairs = similar_pairs(fingerprint_images(scan_images(tmp_path), "aligned"), min_similarity=90)
    related = {(row.left, row.right): row.relation for row in pairs.itertuples()}
    assert related == {
        ("cat.png", "same.bmp"): "same pixels",
        ("cat.png", "turned.png"): "near",
        ("same.bmp", "turned.png"): "near",
    }
    assert sorted(os.path.basename(path) for path in decoded) == ["cat.png", "same.bmp"]


def test_verifying_removes_the_false_pairs_of_a_hash_and_keeps_the_true_ones(tmp_path, pictures):
    table_of(tmp_path, pictures)
    images = scan_images(tmp_path)
    everything = similar_pairs(fingerprint_images(images, "phash"), min_similarity=0)
    verified = verify_pairs(everything, images)
    assert {frozenset(pair) for pair in zip(verified.left, verified.right, strict=True)} == {
        frozenset(pair)
        for pair in [
            ("cat-crop.png", "cat.png"),
            ("cat-mirrored.png", "cat.png"),
            ("cat-crop.png", "cat-mirrored.png"),
            ("temple-turned.png", "temple.png"),
        ]
    }
    before = everything.set_index(["left", "right"]).similarity
    assert [
        before[pair] for pair in zip(verified.left, verified.right, strict=True)
    ] == verified.found_at.tolist()
    assert verified.attrs["method"] == "aligned"
    assert group_duplicates(verified, 80).floor == 70


def test_verifying_keeps_what_cannot_be_aligned_and_names_the_method_that_found_it(tmp_path):
    Image.new("RGB", (80, 60), "white").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    images = scan_images(tmp_path)
    verified = verify_pairs(similar_pairs(fingerprint_images(images)), images)
    assert verified.scored_by.tolist() == ["phash"]
    assert verified.similarity.tolist() == [100]


def test_verifying_needs_a_pair_table_and_all_of_its_images(tmp_path, pictures):
    table_of(tmp_path, pictures)
    images = scan_images(tmp_path)
    pairs = similar_pairs(fingerprint_images(images), min_similarity=0)
    with pytest.raises(TypeError, match="similar_pairs"):
        verify_pairs([("a", "b")], images)
    for wrong in (None, str(tmp_path), pairs):
        with pytest.raises(TypeError, match="images must be the table made by scan_images"):
            verify_pairs(pairs, wrong)
    with pytest.raises(ValueError, match=r"cat\.png"):
        verify_pairs(pairs, images[images.image != "cat.png"])
    assert verify_pairs(pairs.iloc[:0], images).empty


# -- akaze -----------------------------------------------------------------------------------------


def test_akaze_gives_equal_pictures_100_and_sees_an_erased_object(tmp_path, cat, temple):
    pairs = table_of(
        tmp_path, {"cat": cat, "again": cat, "temple": temple}, "akaze", min_similarity=10
    )
    assert pairs.similarity.tolist() == [100]
    assert list(pairs.columns[-2:]) == ["matches", "scored_by"]
    erased = table_of(tmp_path, {"again": captioned(cat)}, "akaze", min_similarity=10)
    assert erased.similarity.between(40, 90).all()
    assert len(erased) == 1


def test_akaze_scores_do_not_depend_on_which_picture_comes_first(tmp_path, cat, temple):
    for name, picture in {"a": cat, "b": crop(cat, 0.8), "c": temple}.items():
        picture.save(tmp_path / f"{name}.png")
    features = fingerprint_images(scan_images(tmp_path), "akaze").codes[:, 0]
    for one, other in itertools.combinations(features, 2):
        assert score_akaze(one, other) == score_akaze(other, one)


# -- the loops against their plain versions --------------------------------------------------------


def hamming(a, b):
    return sum(int(x).bit_count() for x in np.bitwise_xor(a, b))


def random_bits(seed, n):
    return np.random.default_rng(seed).integers(0, 2**63, (n, 4), dtype=np.uint64)


def near_copies(bits, seed, flips):
    """Return the descriptors with some bits turned over."""
    random, copies = np.random.default_rng(seed), bits.copy()
    for row in copies:
        for place in random.choice(256, flips, replace=False):
            row[place // 64] ^= np.uint64(1 << int(place % 64))
    return copies


def test_popcount_counts_ones():
    words = random_bits(0, 50).ravel()
    assert [popcount(word) for word in words] == [int(word).bit_count() for word in words]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (5, 1), (30, 40)])
def test_ratio_matches_are_those_of_a_double_loop(n, m):
    a = random_bits(1, n)
    b = np.concatenate([near_copies(a, 2, 20), random_bits(3, 40)])[:m]
    table = np.array([[hamming(x, y) for y in b] for x in a]).reshape(n, m)

    def is_clear(distances, best):
        return all(
            table_value > distances[best] / 0.6
            for k, table_value in enumerate(distances)
            if k != best
        )

    expected = []
    for i in range(n if m else 0):
        j = int(table[i].argmin())
        if int(table[:, j].argmin()) == i and is_clear(table[i], j) and is_clear(table[:, j], i):
            expected.append([i, j])
    assert ratio_matches(a, b, 0.6).tolist() == expected


def test_mutual_matches_keep_those_that_turn_alike():
    bits = random_bits(4, 20)
    angles = np.linspace(0, 350, 20).astype(np.float32)
    turned = (angles + 40) % 360
    turned[:3] = (angles[:3] + 200) % 360  # three that turn otherwise
    kept = mutual_matches(bits, near_copies(bits, 5, 30), angles, turned.astype(np.float32), 72)
    assert kept.tolist() == [[k, k] for k in range(3, 20)]


@pytest.mark.parametrize("n_words", [4, 8])
def test_mutual_matches_are_those_of_a_double_loop(n_words):
    random = np.random.default_rng(6)
    a, b = (random.integers(0, 2**64, (n, n_words), dtype=np.uint64) for n in (30, 40))
    b[:25] = a[:25] ^ (
        random.integers(0, 2**64, (25, n_words), dtype=np.uint64) & np.uint64(0x1111111111111111)
    )
    table = np.array([[hamming(x, y) for y in b] for x in a])
    expected = [
        [i, j]
        for i, j in enumerate(table.argmin(axis=1))
        if table[i, j] <= 68 and table[:, j].argmin() == i
    ]
    upright = [np.zeros(len(each), np.float32) for each in (a, b)]
    assert mutual_matches(a, b, *upright, 68).tolist() == expected
    assert len(expected) > 10


def test_an_angle_has_the_bin_of_what_is_left_of_it_after_whole_turns():
    angles = np.arange(-359.5, 719.5, 0.25, dtype=np.float32)
    assert [_bin_of(angle) for angle in angles] == [
        int(angle % 360 / 360 * ANGLE_BINS) for angle in angles.tolist()
    ]


def test_candidates_are_found_in_any_order_and_strangers_are_not(cat, temple):
    features = [
        aligned_features(view)
        for view in (cat, temple, crop(cat, 0.8), ImageOps.flip(temple), noise(5))
    ]
    expected = {frozenset((0, 2)), frozenset((1, 3))}
    for order in itertools.islice(itertools.permutations(range(5)), 0, 120, 30):
        found = find_candidates([features[k] for k in order], MAX_VOTE_BITS["aligned"])
        assert {frozenset((order[a], order[b])) for a, b in found} >= expected
        assert (found[:, 0] < found[:, 1]).all()


def test_parts_of_a_collection_on_an_executor_find_the_same_candidates(cat, temple):
    views = [
        cat,
        temple,
        crop(cat, 0.8),
        ImageOps.flip(temple),
        noise(5),
        ImageOps.mirror(cat),
        crop(temple, 0.9),
    ]
    features = [aligned_features(view) for view in views]
    with ThreadPoolExecutor(2) as pool:
        for n in (1, 2, 5, 7):
            alone, elsewhere = (
                find_candidates(features[:n], MAX_VOTE_BITS["aligned"], executor)
                for executor in (None, pool)
            )
            assert alone.tolist() == elsewhere.tolist()
    assert [0, 5] in alone.tolist()


def test_matches_give_their_transform_though_most_are_wrong():
    random = np.random.default_rng(1)
    source = random.uniform(0, 300, (60, 2)).astype(np.float32)
    transform = np.array([[0.8, -0.5, 70], [0.4, 0.9, -20]])
    target = apply(transform, source).astype(np.float32)
    target[:40] = random.uniform(0, 300, (40, 2))
    found, matches = fit_affine(source, target, False, 4.0, 6.0, 2.5, 8)
    assert found == pytest.approx(transform, abs=1e-3)
    assert 20 <= matches <= 23
    assert fit_affine(source, target, True, 4.0, 6.0, 2.5, 8)[1] == 0  # not turned over
    assert fit_affine(source[:2], target[:2], False, 4.0, 6.0, 2.5, 2)[1] == 0


@settings(deadline=None)  # the loops compile at the first call
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_equations_are_solved_as_numpy_solves_them(n, columns, seed, zeros):
    random = np.random.default_rng(seed)
    matrix, right = random.normal(size=(n, n)), random.normal(size=(n, columns))
    matrix[random.random((n, n)) < zeros] = (
        0  # so that rows must be swapped, and some have no solution
    )
    solution = right.copy()
    determinant = solve(matrix.copy(), solution)
    assert determinant == pytest.approx(np.linalg.det(matrix), abs=1e-12)
    if np.linalg.matrix_rank(matrix) < n:
        assert abs(determinant) < 1e-12
    elif np.linalg.cond(matrix) < 1e6:
        np.testing.assert_allclose(solution, np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-8)


def test_equations_without_a_solution_have_the_determinant_0():
    assert solve(np.array([[1.0, 2.0], [2.0, 4.0]]), np.ones((2, 1))) == 0


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1), st.data())
def test_the_value_picked_is_the_one_at_its_place_in_order(values, data):
    place = data.draw(st.integers(0, len(values) - 1))
    spare = np.array([*values, np.nan])  # what follows the first n is not looked at
    assert quickselect(spare, len(values), place) == sorted(values)[place]


def test_the_common_area_is_cut_at_the_borders():
    corners = np.array([(-5.0, -5), (5, -5), (5, 5), (-5, 5)])
    assert sorted(map(tuple, clip_to_picture(corners, 10, 3))) == [(0, 0), (0, 3), (5, 0), (5, 3)]
    assert len(clip_to_picture(corners - 20, 10, 3)) == 0


def test_a_picture_laid_is_read_between_pixels_and_knows_where_it_is():
    ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (6, 1))
    warped, covered = warp(ramp, np.array([[1.0, 0, 0.5], [0, 1, 0]]), 6, 22)
    assert warped[2, :19] == pytest.approx(np.arange(5, 195, 10))
    assert covered[2].tolist() == [1] * 20 + [0] * 2


def read_between(picture, u, v):
    """Return what a picture shows between pixels, which goes on as it ends."""
    u, v = min(max(u, 0), picture.shape[1] - 1), min(max(v, 0), picture.shape[0] - 1)
    left, top = int(u), int(v)
    right, below = min(left + 1, picture.shape[1] - 1), min(top + 1, picture.shape[0] - 1)
    upper, lower = (
        picture[y, left] * (1 - u + left) + picture[y, right] * (u - left) for y in (top, below)
    )
    return upper * (1 - v + top) + lower * (v - top)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (9, 13)])
def test_a_picture_laid_is_what_a_plain_loop_reads_however_thin_and_turned(shape):
    random = np.random.default_rng(3)
    picture = random.integers(0, 256, shape, dtype=np.uint8)
    for _ in range(20):
        back = np.column_stack([np.eye(2) + random.normal(0, 0.5, (2, 2)), random.normal(0, 3, 2)])
        warped, covered = warp(picture, back, 8, 11)
        for y, x in np.ndindex(8, 11):
            u, v = back @ (x, y, 1)
            is_there = -0.5 <= u <= shape[1] - 0.5 and -0.5 <= v <= shape[0] - 0.5
            assert covered[y, x] == is_there
            assert warped[y, x] == pytest.approx(
                read_between(picture.astype(float), u, v) if is_there else 0, abs=1e-3
            )
        assert np.array_equal(warp.py_func(picture, back, 8, 11)[0], warped)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (12, 17)])
def test_a_plane_is_blurred_as_by_two_convolutions_of_what_goes_on_as_it_ends(shape):
    plane = np.random.default_rng(4).random(shape).astype(np.float32)
    kernel, expected = np.array([0.0545, 0.2442, 0.4026, 0.2442, 0.0545]), plane
    for axis in (0, 1):
        wide = np.pad(
            expected, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge"
        )
        expected = np.apply_along_axis(np.convolve, axis, wide, kernel, "valid")
    assert blur(plane) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(40, 5), (5, 40), (5, 5), (40, 8), (8, 8)])
def test_pictures_thinner_than_a_cell_have_no_sums_and_nothing_is_written_beyond_them(shape):
    flat = np.ones(shape, np.float32)
    sums = sum_cells.py_func(
        flat, flat, flat, 8
    )  # not compiled, so that a place beyond the end is an error
    assert sums.shape == (shape[0] // 8, shape[1] // 8, 15)
    assert np.array_equal(sums, sum_cells(flat, flat, flat, 8))


def test_nothing_leaks_in_from_where_a_picture_does_not_reach():
    picture = np.full((8, 9), 100, np.float32)
    covered = np.ones_like(picture)
    picture[:, 6:], covered[:, 6:] = 0, 0
    assert blur_inside(picture, covered, blur(covered))[:, :6] == pytest.approx(100, abs=1e-3)


def test_opencv_keeps_the_number_of_threads_the_user_set():
    before = cv2.getNumThreads()
    with one_cv2_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


def test_features_of_one_picture_are_the_same_every_time(cat):
    one, other = aligned_features(cat), aligned_features(cat.copy())
    assert one.key == other.key
    pd.testing.assert_frame_equal(pd.DataFrame(one.bits), pd.DataFrame(other.bits))
    assert repr(one) == f"<Features: {len(one)} points in {one.size[0]} x {one.size[1]} pixels>"


@pytest.mark.parametrize("extract", [aligned_features, akaze_features])
@pytest.mark.parametrize("size", [None, (8, 8)])
def test_features_come_back_from_their_bytes(cat, extract, size):
    features = extract(cat if size is None else cat.resize(size))
    kept = features.to_bytes()
    again = Features.from_bytes(kept)
    assert again.to_bytes() == kept
    assert (again.key, again.size) == (features.key, features.size)
    for name in ("grey", "points", "angles", "bits", "mirrored"):
        np.testing.assert_array_equal(getattr(again, name), getattr(features, name), strict=True)


def test_bytes_that_are_no_features_are_refused(cat):
    kept = aligned_features(cat).to_bytes()
    for damaged in (b"", b"words", kept[:20], b"imgdupF9" + kept[8:]):
        with pytest.raises(ValueError, match="make them again"):
            Features.from_bytes(damaged)
    for cut in (kept[:-1], kept + b"x"):
        with pytest.raises(ValueError, match="do not fit"):
            Features.from_bytes(cut)
    assert cv2.__version__ in features_made_with()
