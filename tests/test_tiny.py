"""Method "tiny": pictures of a few pixels, compared at the best of some shifts and zooms."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import fft, ndimage

import imgdup_nb as dup
from imgdup_nb.engine import tiny_pictures, tiny_vectors
from imgdup_nb.engine.search import find_pairs

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket", "retina")


@pytest.fixture
def compare(tmp_path):
    """Return a function: pictures by name -> similarities by pair, from a floor up."""

    def run(pictures, floor=0, **options):
        for name, made in pictures.items():
            made.save(tmp_path / f"{name}.png")
        prints = dup.fingerprint_images(dup.scan_images(tmp_path), "tiny", **options)
        pairs = dup.similar_pairs(prints, min_similarity=floor)
        names = zip(pairs.left.astype(str), pairs.right.astype(str), strict=True)
        return {
            tuple(sorted(name.removesuffix(".png") for name in pair)): similarity
            for pair, similarity in zip(names, pairs.similarity, strict=True)
        }

    return run


@pytest.fixture(scope="module")
def codes():
    """Return 60 blurred tiny pictures, of which every second is the one before, moved a little."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(30):
        coarse = random.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        large = Image.fromarray(coarse).resize((40, 40), Image.Resampling.BICUBIC)
        left, top = random.integers(2, 6, 2)
        made += [large.crop((4, 4, 36, 36)), large.crop((left, top, left + 32, top + 32))]
    return np.stack([np.asarray(picture).reshape(1, -1) for picture in made])


def texture_by_hand(code):
    """Return the texture of a picture by scipy's filters, plainly: 3 x 32 x 32."""
    red, green, blue = code.reshape(32, 32, 3).astype(float).transpose(2, 0, 1)
    bands = [
        (red + green + blue) / 3**0.5,
        (red - blue) / 2**0.5,
        (red + blue - 2 * green) / 6**0.5,
    ]

    def blur(band, sigma):
        return ndimage.gaussian_filter(band, sigma, mode="nearest", truncate=9)

    texture = [blur(band, 0.6) - blur(band, 2) for band in bands]
    contrast = np.sqrt(blur(np.mean(np.square(texture), axis=0), 3)) + 6
    return np.array(texture) / contrast


def vector_by_hand(texture, zoom, shift_down, shift_across, side, grey, colour):
    """Return the vector of a picture at one place."""
    inner = np.arange(side) - (side - 1) / 2
    at = np.meshgrid(
        15.5 + inner / zoom + shift_down, 15.5 + inner / zoom + shift_across, indexing="ij"
    )
    parts = []
    for band, kept in zip(texture, (grey, colour, colour), strict=True):
        seen = ndimage.map_coordinates(band, at, order=1, mode="nearest")
        parts.append(fft.dctn(seen, norm="ortho")[:kept, :kept].ravel())
    vector = np.concatenate([*parts, [0.05]])
    return vector / np.linalg.norm(vector)


def similarity_by_hand(one, other, *, enlarged):
    one, other = texture_by_hand(one), texture_by_hand(other)

    def best(zooms, shifts, *kept):
        places = [(z, y, x) for z in zooms for y in shifts for x in shifts]
        return max(
            vector_by_hand(still, 1, 0, 0, *kept) @ vector_by_hand(moved, *place, *kept)
            for still, moved in ((one, other), (other, one))
            for place in places
        )

    if enlarged:
        look = best((1, 1.06, 1.12), range(-4, 5), 24, 10, 5)
        glance = best((1.06,), (-3, -1.5, 0, 1.5, 3), 22, 7, 3)
    else:
        look = best((1, 1.06, 1.12), (-2, -1, 0, 1, 2), 26, 12, 6)
        glance = best((1.06,), (-1.5, 0, 1.5), 26, 7, 3)
    found = look if glance >= 0.58 else min(look, 0.5)
    return 1 - 1.25 * (1 - found) if enlarged else found


@pytest.mark.parametrize("enlarged", [True, False])
def test_the_similarity_is_the_plain_one(codes, enlarged):
    if not enlarged:  # fine noise, which no enlarged picture has
        noise = np.random.default_rng(1).integers(-30, 31, codes.shape)
        codes = np.clip(codes + noise, 0, 255).astype(np.uint8)
    assert (tiny_vectors.were_enlarged(codes[:, 0]) == enlarged).all()
    rows, columns = np.array([0, 0, 7]), np.array([1, 2, 30])
    found = 1 - tiny_pictures.tiny_distances(codes, rows, columns)
    by_hand = [
        similarity_by_hand(*codes[[a, b], 0], enlarged=enlarged)
        for a, b in zip(rows, columns, strict=True)
    ]
    np.testing.assert_allclose(found, by_hand, atol=2e-4)
    assert by_hand[0] > 0.8 > by_hand[1]


def test_pictures_of_16_pixels_are_found_however_a_few_pixels_moved(compare, picture):
    pictures = {}
    for seed in range(6):
        small = pictures[f"{seed}"] = picture(seed).convert("L").resize((16, 16))
        pictures[f"{seed}-moved"] = Image.fromarray(
            np.pad(np.asarray(small), ((2, 0), (0, 2)), "edge")[:16, 2:]
        )
        pictures[f"{seed}-bordered"] = ImageOps.expand(small.resize((14, 14)), 1)
        pictures[f"{seed}-enlarged"] = small.resize((48, 48))
    found = compare(pictures)
    same = [value for (a, b), value in found.items() if a[0] == b[0] and "-" not in a]
    others = [value for (a, b), value in found.items() if a[0] != b[0]]
    assert len(same) == 6 * 3
    assert min(same) >= 80
    assert max(others, default=0) < 70


def test_pictures_of_at_most_20_pixels_a_side_are_told_by_their_pixels():
    random = np.random.default_rng(0)
    sides = [(16, 16), (20, 17), (9, 20), (1, 1), (24, 24), (32, 32), (16, 32)]
    noise = [random.integers(0, 256, (*side, 3), dtype=np.uint8) for side in sides]
    large = [Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC) for small in noise]
    codes = np.stack([np.asarray(picture).ravel() for picture in large])
    assert tiny_vectors.were_enlarged(codes).tolist() == [True] * 4 + [False] * 3
    assert tiny_vectors.were_enlarged(codes[:0]).tolist() == []


@pytest.mark.parametrize("n", [0, 1, 2, 60])
@pytest.mark.parametrize("max_distance", [0.0, 0.2, 0.7, 1.0])
def test_the_search_finds_what_a_double_loop_finds(codes, n, max_distance):
    some = codes[:n]
    rows, columns = np.triu_indices(n, 1)
    distances = tiny_pictures.tiny_distances(some, rows, columns)
    near = distances <= max_distance
    for found, wanted in zip(
        find_pairs(some, max_distance),
        (rows[near], columns[near], distances[near]),
        strict=True,
    ):
        np.testing.assert_array_equal(found, wanted)
    one, other = some[: n // 2], some[n // 2 :]
    found = find_pairs(one, max_distance, others=other)[:2]
    across = {(a, b + n // 2) for a, b in zip(*found, strict=True)}
    wanted = {(a, b) for a, b in zip(rows[near], columns[near], strict=True) if a < n // 2 <= b}
    assert across == wanted


def test_blocks_and_batches_do_not_change_what_is_found(codes, monkeypatch):
    whole = find_pairs(codes, 0.3)
    assert len(whole[0]) >= 20
    monkeypatch.setattr(tiny_pictures, "GLANCE_BLOCK", 7)
    monkeypatch.setattr(tiny_pictures, "LOOK_BATCH", 3)
    monkeypatch.setattr(tiny_pictures, "MAX_GLANCED", 5)
    for found, before in zip(find_pairs(codes, 0.3), whole, strict=True):
        np.testing.assert_array_equal(found, before)


@pytest.mark.parametrize("side", [16, 32, 48, 96])
def test_small_changes_of_small_pictures_are_found_and_others_are_not(compare, picture, side):
    pictures = {}
    for seed in range(8):
        small = pictures[f"{seed}"] = picture(seed).resize((side, side))
        width = side / 16
        pictures[f"{seed}-shifted"] = small.transform(
            small.size, Image.Transform.AFFINE, (1, 0, width, 0, 1, -width / 2), 2
        )
        pictures[f"{seed}-zoomed"] = small.resize(
            small.size, Image.Resampling.BICUBIC, box=(width / 2, width / 2, side - width / 2, side)
        )
        pictures[f"{seed}-brighter"] = ImageEnhance.Brightness(small).enhance(1.3)
        pictures[f"{seed}-enlarged"] = small.resize((3 * side, 3 * side))
    found = compare(pictures)
    same = [value for (a, b), value in found.items() if a[0] == b[0] and "-" not in a]
    others = [value for (a, b), value in found.items() if a[0] != b[0]]
    assert len(same) == 8 * 4
    assert min(same) >= 75
    assert np.median(same) >= 90
    assert max(others, default=0) < 70


def test_crudely_shrunk_and_enlarged_pictures_are_the_same_at_90(compare):
    from skimage import data

    pictures = {}
    for name in PHOTOS:
        photo = Image.fromarray(getattr(data, name)()).convert("RGB")
        for tag, side in (("a", 500), ("b", 240)):
            crude = photo.resize((side, side)).resize((32, 32), Image.Resampling.NEAREST)
            pictures[f"{name}-{tag}"] = crude.resize((128, 128), Image.Resampling.BICUBIC)
    found = compare(pictures, 90)
    assert sorted(found) == sorted((f"{name}-a", f"{name}-b") for name in PHOTOS)


def test_turned_and_mirrored_pictures_are_found_with_orientations_only(compare, picture):
    small = picture(5).resize((32, 32))
    pictures = {"a": small, "mirrored": ImageOps.mirror(small), "turned": small.rotate(90)}
    assert compare(pictures, 90) == {}
    assert len(compare(pictures, 90, orientations=True)) == 3


def test_equal_pictures_are_equal_even_without_texture(compare):
    red = Image.new("RGB", (20, 20), "red")
    assert compare({"one": red, "two": red.copy()}) == {("one", "two"): 100.0}
    one, other = (np.full((1, 1, 3072), level, np.uint8) for level in (0, 0))
    assert tiny_pictures.tiny_distances(one, np.array([0]), np.array([0]), other).tolist() == [0.0]


def test_the_matrix_and_the_pairs_agree_and_a_collection_keeps_them(tmp_path, picture):
    for seed in range(4):
        small = picture(seed).resize((32, 32))
        small.save(tmp_path / f"{seed}.png")
        small.crop((1, 1, 32, 32)).save(tmp_path / f"{seed}-cut.png")
    prints = dup.fingerprint_images(dup.scan_images(tmp_path), "tiny")
    assert repr(prints) == "<Fingerprints: 8 images, tiny, 32 x 32 pixels>"
    pairs = dup.similar_pairs(prints, min_similarity=60)
    matrix = dup.similarity_matrix(prints)
    assert len(pairs) >= 4
    for pair in pairs.itertuples():
        assert matrix.loc[pair.left, pair.right] == pytest.approx(pair.similarity)
    for _ in range(2):  # made, then kept
        with dup.Collection(tmp_path) as photos:
            kept = photos.pairs("tiny", min_similarity=60)
            assert list(photos.groups(80, method="tiny")) == [
                [f"{seed}.png", f"{seed}-cut.png"] for seed in range(4)
            ]
            found = photos.find_similar("0-cut.png", threshold=80, method="tiny")
            assert list(found.image) == ["0.png"]
        pd.testing.assert_frame_equal(
            kept.sort_values(["left", "right"], ignore_index=True)[["left", "right"]].astype(str),
            pairs.sort_values(["left", "right"], ignore_index=True)[["left", "right"]].astype(str),
        )


def test_an_icon_in_another_colour_is_not_a_copy(compare):
    pictures = {}
    for name, colour in (("blue", "#3050d0"), ("dark", "#203890"), ("red", "#d04030")):
        icon = Image.new("RGB", (32, 32), colour)
        icon.paste("white", (10, 8, 20, 26))
        icon.paste("white", (6, 14, 26, 18))
        pictures[name] = icon
    found = compare(pictures)
    assert found["blue", "dark"] >= 90
    assert found["blue", "red"] == found["dark", "red"] == pytest.approx(79)
