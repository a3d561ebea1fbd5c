"""Which looks at a pair are taken: only those that its alignment leaves a reason for."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from aligned_pictures import align_pictures, keystone, page, photo
from imgdup_nb.aligned import registration
from imgdup_nb.aligned.agreement import NOTHING, Alignment
from imgdup_nb.aligned.detail import is_page
from imgdup_nb.aligned.flat_areas import are_drawn, has_plain_edge, is_drawn
from imgdup_nb.engine.features import aligned_features

LOOKS = ["align_unshaded", "judge_overlay", "align_in_perspective", "align_bent"]
LOOKS += ["align_blurred", "align_wholes", "align_negative"]


@pytest.fixture(scope="module")
def photos():
    return aligned_features(photo("cat")), aligned_features(photo("coffee"))


@pytest.fixture
def looks_at(monkeypatch):
    """Return a function that tells which looks an alignment of two pictures leads to."""
    taken = []
    for name in LOOKS:

        def look(first, *_, name=name):
            taken.append(name)
            return first if name == "judge_overlay" else NOTHING

        monkeypatch.setattr(registration, name, look)
    monkeypatch.setattr(registration, "_nearest_view", lambda *_, negative=False: 0)

    def tell(pair, **known):
        taken.clear()
        one_block = np.full((1, 1), 1.0 if known.pop("agrees", True) else 0.0)
        values = {"overlap_left": 99.0, "overlap_right": 99.0, "residual": 0.0, **known}
        registration._allow_for_changes(Alignment(blocks=one_block, **values), *pair)
        return {name.removeprefix("align_") for name in taken}

    return tell


PLAIN = {"unshaded", "judge_overlay"}
SCENE = {"in_perspective", "blurred"}


def test_a_copy_needs_no_look(looks_at, photos):
    assert looks_at(photos, similarity=90.0) == set()


def test_a_pair_without_doubt_is_looked_at_without_its_light_and_for_what_lies_over_it(
    looks_at, photos
):
    assert looks_at(photos, similarity=85.0) == PLAIN
    assert looks_at(photos, similarity=85.0, doubt=0.1) == set()
    assert looks_at(photos, similarity=85.0, overlap_left=24.0) == set()


def test_a_pair_of_the_scene_band_may_be_in_perspective_or_blurred(looks_at, photos):
    assert looks_at(photos, similarity=79.0) == PLAIN | SCENE
    assert looks_at(photos, similarity=79.5) == PLAIN


def test_only_a_pair_with_a_residual_may_be_bent(looks_at, photos):
    assert "bent" in looks_at(photos, similarity=85.0, residual=0.15)
    assert "bent" not in looks_at(photos, similarity=85.0, residual=0.14)


def test_wholes_are_compared_where_details_differ(looks_at, photos):
    assert "wholes" in looks_at(photos, similarity=75.0, agrees=False)
    assert "wholes" in looks_at(photos, similarity=75.0, residual=0.2)
    assert "wholes" not in looks_at(photos, similarity=75.0)


def test_only_pictures_with_nothing_in_common_may_be_negatives(looks_at, photos):
    assert "negative" in looks_at(photos, similarity=0.0)
    assert "negative" not in looks_at(photos, similarity=70.0)


def test_pictures_without_texture_are_not_compared_blurred_or_as_negatives(looks_at, photos):
    flat = aligned_features(Image.linear_gradient("L"))
    for pair in ((photos[0], flat), (flat, photos[0])):
        assert not {"blurred", "negative"} & looks_at(pair, similarity=0.0)


def test_drawings_and_pages_get_no_look(looks_at):
    pages = aligned_features(page(1)), aligned_features(page(2))
    assert are_drawn(*pages)
    assert looks_at(pages, similarity=0.0) == looks_at(pages, similarity=85.0) == set()


# -- what a drawing is, and a page -----------------------------------------------------------------


def edged(share):
    """Return a noisy picture of which this share of the outermost pixels is white."""
    grey = np.random.default_rng(0).integers(0, 200, (60, 60)).astype(np.uint8)
    edge = np.zeros((60, 60), bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    rows, columns = np.nonzero(edge)
    n = round(share * len(rows))
    grey[rows[:n], columns[:n]] = 255
    return grey


@pytest.mark.parametrize(("share", "is_plain"), [(0.45, False), (0.55, True), (1, True)])
def test_an_edge_is_plain_if_half_of_it_has_one_level(share, is_plain):
    assert has_plain_edge(edged(share)) == is_plain
    assert is_drawn(edged(share)) == is_plain


@pytest.mark.parametrize(("n_levels", "drawn"), [(3, True), (4, True), (6, False)])
def test_a_picture_of_few_levels_is_drawn_whatever_its_edge(n_levels, drawn):
    grey = np.random.default_rng(0).integers(0, n_levels, (60, 80)).astype(np.uint8) * 40
    assert not has_plain_edge(grey)
    assert is_drawn(grey) == drawn


def faint(picture):
    """Return a picture of a quarter of its contrast, as in fog."""
    return Image.fromarray((np.asarray(picture) * 0.25 + 110).astype(np.uint8))


def test_a_photograph_of_little_contrast_is_no_drawing_and_found_in_perspective():
    picture = faint(photo("coffee"))
    features = aligned_features(picture)
    assert not are_drawn(features, features)
    assert align_pictures(picture, keystone(picture, 0.2)).similarity >= 90


def test_a_faint_drawing_is_a_drawing():
    sheet = Image.new("RGB", (320, 240), "white")
    for k in range(12):
        ImageDraw.Draw(sheet).ellipse((20 + 20 * k, 60, 60 + 20 * k, 180), outline="black", width=4)
    features = [aligned_features(each) for each in (sheet, faint(sheet))]
    assert features[1].grey.std() < 0.3 * features[0].grey.std()
    for each in features:
        assert is_drawn(each.grey)
        assert has_plain_edge(each.grey)


@pytest.mark.parametrize(("spread", "drawn"), [(5, True), (12, False)])
def test_what_is_nearly_of_one_level_shows_too_little_to_be_a_photograph(spread, drawn):
    grey = np.random.default_rng(0).normal(128, spread, (60, 80)).clip(0, 255).astype(np.uint8)
    assert is_drawn(grey) == drawn


def test_the_edge_of_a_faint_photograph_is_not_plain_because_its_levels_are_near():
    random = np.random.default_rng(0)
    grey = random.normal(128, 12, (60, 80)).clip(0, 255).astype(np.uint8)
    grey[[0, -1]] = random.integers(126, 131, (2, 80))
    grey[:, [0, -1]] = random.integers(126, 131, (60, 2))
    assert not has_plain_edge(grey)
    assert not is_drawn(grey)
    one_level = grey.copy()
    one_level[[0, -1]] = one_level[:, [0, -1]] = 128
    assert has_plain_edge(one_level)


def test_a_page_in_uneven_light_is_a_page():
    sheet = Image.new("L", (900, 900), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for y in range(40, 860, 40):
        draw.text((40, y), "Goods received in good order, thank you, and come again. " * 2, 0, font)
    light = np.linspace(1, 0.55, 900)
    assert is_page((np.asarray(sheet) * light).astype(np.uint8))


def test_faint_smooth_shades_with_the_light_at_another_place_are_not_copies():
    down, across = np.mgrid[:200, :300]

    def lit(column, row):
        light = np.exp(-((across - column) ** 2 + (down - row) ** 2) / 9000)
        return Image.fromarray((100 + 40 * light).astype(np.uint8)).convert("RGB")

    near, far = aligned_features(lit(110, 80)), aligned_features(lit(200, 120))
    assert registration.align(near, far).similarity < 80
