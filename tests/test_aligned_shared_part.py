"""Pictures that share a part: a figure pasted on another background, and that background."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from aligned_pictures import photo
from imgdup_nb import compare_images, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.aligned import registration as alignment
from imgdup_nb.aligned.agreement import Alignment
from imgdup_nb.aligned.geometry import are_inside, has_support, largest_part
from imgdup_nb.aligned.registration import BOTH_ZOOMED, _judge_parts, align
from imgdup_nb.aligned.scores import score_aligned
from imgdup_nb.compare import AGREE_COLOR
from imgdup_nb.demo import _open_original
from imgdup_nb.engine.features import aligned_features

SIZE = (900, 640)  # large enough to be looked at from closer by
NAMES = ["astronaut", "coffee", "flower", "portrait"]


@pytest.fixture(scope="module")
def photos():
    return {name: ImageOps.fit(photo(name), SIZE) for name in NAMES}


@pytest.fixture(scope="module")
def features(photos):
    return {name: aligned_features(photo) for name, photo in photos.items()}


def pasted(figure, behind, *, right=495):
    """Return a round cut-out of a left half on another picture, enlarged, turned by 19 degrees."""
    ground = behind.resize((1300, 924), Image.Resampling.BICUBIC).rotate(
        19, Image.Resampling.BICUBIC
    )
    cut_out = Image.new("L", SIZE, 0)
    ImageDraw.Draw(cut_out).ellipse((-150, 20, right, 900), fill=255)
    return Image.composite(figure, ground.crop((200, 142, 1100, 782)), cut_out)


@pytest.fixture(scope="module")
def composites(photos):
    return {
        pair: pasted(*(photos[name] for name in pair))
        for pair in (("coffee", "flower"), ("astronaut", "portrait"))
    }


# -- what is found ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("figure", "behind"), [("coffee", "flower"), ("astronaut", "portrait")])
def test_the_figure_and_what_is_left_of_the_background_are_both_found(
    features, composites, figure, behind
):
    composite = aligned_features(composites[figure, behind])
    kept, turned = align(features[figure], composite), align(features[behind], composite)
    assert 40 <= kept.similarity <= 52  # the figure fills half of the common area
    assert (kept.rotation, kept.scale) == pytest.approx((0, 1), abs=0.05)
    assert 33 <= turned.similarity <= 50
    assert turned.rotation == pytest.approx(19, abs=0.5)
    assert turned.scale == pytest.approx(1.44, abs=0.03)
    for found in (kept, turned):
        assert found.shares_part
        assert found.part.sum() >= 0.9 * (found.blocks >= found.min_correlation).sum()


def test_a_part_found_only_by_zooming_into_both_does_not_depend_on_which_comes_first(
    monkeypatch, features, photos
):
    behind, composite = (
        features["flower"],
        aligned_features(pasted(photos["coffee"], photos["flower"], right=600)),
    )
    found, back = align(behind, composite), align(composite, behind)
    assert (found.similarity, found.matches, found.overlap_left) == (
        back.similarity,
        back.matches,
        back.overlap_right,
    )
    assert found.similarity > 0
    assert align(replace(behind, zoomed=None), composite).similarity == 0
    mode = alignment._align_in_mode
    monkeypatch.setattr(
        alignment,
        "_align_in_mode",
        lambda *seen: alignment.NOTHING if seen[2] is BOTH_ZOOMED else mode(*seen),
    )
    assert align(behind, composite).similarity == 0


def test_below_70_the_pair_table_lists_composites_with_their_sources_and_nothing_else(
    tmp_path, photos, composites
):
    for name, picture in photos.items():
        picture.save(tmp_path / f"{name}.jpg", quality=90)
    for (figure, behind), composite in composites.items():
        composite.save(tmp_path / f"{figure} on {behind}.jpg", quality=85)
    for side in ("left", "right"):
        _open_original(f"skimage/data/motorcycle_{side}.png").convert("RGB").save(
            tmp_path / f"{side}.jpg"
        )
    prints = fingerprint_images(scan_images(tmp_path), "aligned")
    pairs = similar_pairs(prints, min_similarity=20)
    assert {frozenset(pair) for pair in zip(pairs.left, pairs.right, strict=True)} == {
        frozenset((f"{name}.jpg", f"{figure} on {behind}.jpg"))
        for figure, behind in composites
        for name in (figure, behind)
    }
    assert pairs.similarity.max() < 70


# -- what is claimed -------------------------------------------------------------------------------


def test_two_photographs_of_one_scene_share_no_part():
    left, right = (
        aligned_features(_open_original(f"skimage/data/motorcycle_{side}.png").convert("RGB"))
        for side in ("left", "right")
    )
    found = align(left, right)
    assert (found.similarity, found.shares_part) == (0, False)
    assert found.agreeing > 40
    score = score_aligned(left, right)
    assert (score.similarity, score.overlap_left) == (
        0,
        found.overlap_left,
    )  # aligned, so that no hash speaks in its place


def part_of(rows, columns, correlation=0.99, *, sharp=1.0):
    """Return an alignment of 12 x 16 blocks that match in one corner; a share of them surely."""
    blocks = np.full((12, 16), 0.1, np.float32)
    blocks[:rows, :columns] = correlation
    blocks[:rows, : round(columns * (1 - sharp))] = 0.9
    share = 100 * rows * columns / blocks.size
    return Alignment(share, matches=30, transform=np.eye(3)[:2], blocks=blocks, residual=0.1)


@pytest.mark.parametrize(
    ("found", "shares"),
    [
        (part_of(2, 4), True),
        (part_of(1, 7), False),  # too few blocks
        (replace(part_of(8, 10), matches=0), False),  # frame on frame: garments on one cloth
        (replace(part_of(8, 10), residual=0.3), True),  # what changed around it moved the transform
        (replace(part_of(8, 10, sharp=0.8), residual=0.3), False),  # a second photograph
        (replace(part_of(3, 10), residual=0.3), False),
        (alignment.NOTHING, False),
    ],
)
def test_a_shared_part_has_matches_and_one_piece_with_no_residual_or_large_and_sure(found, shares):
    assert found.shares_part is shares


@pytest.mark.parametrize("similarity", [70.0, 95.0])
def test_from_70_up_no_shared_part_is_required(monkeypatch, features, similarity):
    scattered = replace(part_of(1, 3), similarity=similarity, matches=0, overlap_left=100.0)
    monkeypatch.setattr(alignment, "_align_in_mode", lambda *_: scattered)
    assert align(features["coffee"], features["flower"]).similarity == similarity
    monkeypatch.setattr(alignment, "_align_in_mode", lambda *_: replace(scattered, similarity=69.9))
    assert align(features["coffee"], features["flower"]).similarity == 0


def test_a_shared_part_is_better_than_a_higher_share_without_one(features):
    shared, scattered = part_of(4, 8), replace(part_of(8, 10), matches=0)
    assert alignment._better(scattered, shared) is shared
    assert alignment._better(shared, scattered) is shared


@pytest.mark.parametrize(("again", "similarity"), [(20, 69), (3, 0)])
def test_zoomed_into_both_it_is_a_part_at_most_and_needs_its_own_matches(
    features, again, similarity
):
    coffee = features["coffee"].zoomed
    whole = Alignment(
        93.0,
        matches=30,
        transform=np.eye(3)[:2],
        blocks=np.full((14, 20), 0.99, np.float32),
        residual=0.05,
    )
    straight = np.arange(len(coffee)).repeat(2).reshape(-1, 2)
    pairs = straight[:: len(coffee) // 200] if again == 20 else straight[:again]
    assert _judge_parts(whole, coffee, coffee, pairs).similarity == similarity


def test_of_pieces_the_largest_counts_and_corners_do_not_connect():
    agreeing = np.array([[1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [1, 0, 0, 0, 0]], dtype=bool)
    assert np.argwhere(largest_part(agreeing)).tolist() == [[0, 3], [0, 4], [1, 4]]
    assert largest_part(np.zeros((3, 2), dtype=bool)).sum() == 0
    assert largest_part(np.zeros((0, 0), dtype=bool)).shape == (0, 0)


def test_points_beyond_the_blocks_are_in_no_part():
    part = np.ones((2, 3), dtype=bool)
    points = np.array([(7.9, 8), (8, 8), (55, 39), (56, 39), (8, 40), (-300, 9)])
    assert are_inside(points, part, 16).tolist() == [False, True, True, False, False, False]


def test_matches_count_for_a_part_where_both_ends_lie_in_it():
    inside, outside = np.ones(8, dtype=bool), np.zeros(8, dtype=bool)
    straight = np.arange(8).repeat(2).reshape(-1, 2)
    assert has_support(inside, inside, straight)
    assert not has_support(inside, outside, straight)
    assert not has_support(inside, inside, straight[:5])


# -- what is said and drawn ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(tmp_path_factory, photos, composites):
    folder = tmp_path_factory.mktemp("shared")
    photos["coffee"].save(folder / "coffee.png")
    composites["coffee", "flower"].save(folder / "pasted.png")
    return compare_images(folder / "coffee.png", folder / "pasted.png")


def test_the_sentence_says_that_a_part_is_shared_and_how_exactly(compared):
    assert compared.sentence.startswith(
        f"{compared.alignment.similarity:.0f} % of the overlap matches, "
        "in one piece and without a shift; "
    )
    assert compared.sentence.endswith(
        ". The pictures share this part; as a whole they are not copies."
    )
    blocks = compared.alignment.blocks.copy()
    blocks[:, blocks.shape[1] // 6] = 0
    torn = replace(
        compared, alignment=replace(compared.alignment, blocks=blocks, residual=0.2)
    ).sentence
    assert "% of it in one piece; " in torn
    copy = replace(compared, alignment=replace(compared.alignment, similarity=97.0))
    assert "piece" not in copy.sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"residual": 0.41},
            "The matching parts are shifted by 0.4 pixels, as in two photographs of one scene, so "
            "this is not a copy.",
        ),
        ({}, "more than chance, so this is not a copy."),
    ],
)
def test_the_sentence_says_why_matching_parts_count_as_nothing(compared, changes, words):
    found = replace(compared.alignment, similarity=0.0, **changes)
    sentence = replace(compared, alignment=found).sentence
    assert sentence.startswith(f"{compared.alignment.agreeing:.0f} % of the overlap matches; ")
    assert words in sentence


def test_pictures_aligned_only_by_their_frames_are_not_said_to_show_the_same(compared):
    frames = replace(compared.alignment, similarity=0.0, matches=0)
    sentence = replace(compared, alignment=frames).sentence
    assert "same section" not in sentence
    assert sentence.startswith(
        f"{frames.agreeing:.0f} % of the overlap matches if the whole pictures are aligned. No "
        "feature of one picture was found"
    )


def test_the_shared_part_is_tinted_where_it_lies_in_both_pictures(compared):
    on_left, on_right = compared.shared_parts()
    assert len(on_left) == len(on_right) == compared.alignment.part.sum()
    assert on_left == pytest.approx(on_right, abs=3)  # the figure was not moved
    assert on_right[..., 0].max() < 0.65 * compared.sizes[1][0]
    tinted = [len(ax.collections[0].get_paths()) for ax in compared.plot().axes[:2]]
    assert tinted == [len(on_left)] * 2
    assert compared.plot().axes[0].lines[-1].get_color() == AGREE_COLOR
    copy = replace(compared, alignment=replace(compared.alignment, similarity=97.0))
    assert [part.shape for part in copy.shared_parts()] == [(0, 4, 2)] * 2
