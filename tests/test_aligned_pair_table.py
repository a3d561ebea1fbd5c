"""The pair table of method 'aligned': its columns, its order, and when it falls back to phash."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from aligned_pictures import align_pictures, crop, ramp, table_of
from imgdup_nb import (
    Fingerprints,
    fingerprint_images,
    group_duplicates,
    scan_images,
    similar_pairs,
    similarity_matrix,
)
from imgdup_nb.aligned.agreement import is_textured
from imgdup_nb.engine import copies as relations
from imgdup_nb.engine.features import (
    aligned_features,
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


def test_the_pair_table_says_how_pictures_lie_on_each_other(tmp_path, cats_and_temples):
    pairs = table_of(tmp_path, cats_and_temples)
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
    assert (pairs.residual < 0.15).all()  # copies are not shifted
    mirrored = pairs[pairs.mirrored.astype(bool)]
    assert len(mirrored) == 2


def test_groups_follow_from_aligned_pairs(tmp_path, cats_and_temples):
    groups = group_duplicates(table_of(tmp_path, cats_and_temples), 80)
    assert sorted(sorted(group) for group in groups) == [
        ["cat-crop.png", "cat-mirrored.png", "cat.png"],
        ["temple-turned.png", "temple.png"],
    ]


def test_names_order_and_threads_do_not_change_the_table(tmp_path, cats_and_temples):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    straight = table_of(first, cats_and_temples)
    renamed = {f"{9 - k}": picture for k, picture in enumerate(cats_and_temples.values())}
    back = dict(
        zip(
            (f"{name}.png" for name in renamed),
            (f"{name}.png" for name in cats_and_temples),
            strict=True,
        )
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


def test_the_score_of_a_pair_does_not_depend_on_the_collection(tmp_path, cats_and_temples, cat):
    pairs = table_of(tmp_path, cats_and_temples).set_index(["left", "right"])
    alone = align_pictures(cat, crop(cat, 0.7))
    [row] = [row for (a, b), row in pairs.iterrows() if {a, b} == {"cat.png", "cat-crop.png"}]
    assert row.similarity == alone.similarity


def test_pictures_with_too_little_texture_for_features_are_aligned_by_their_frames(tmp_path):
    y, x = np.mgrid[:200, :300]
    hill = Image.fromarray(
        (255 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / 9000)).astype(np.uint8)
    ).convert("RGB")
    assert not is_textured(aligned_features(hill))
    [pair] = table_of(
        tmp_path, {"hill": hill, "small": hill.resize((150, 100)), "ramp": ramp()}
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
    ImageDraw.Draw(hill).ellipse((200, 150, 203, 153), fill="white")  # not smooth everywhere
    pairs = table_of(
        tmp_path, {"hill": hill, "hill-small": hill.resize((150, 100)), "ramp": ramp()}
    )
    assert list(zip(pairs.left, pairs.right, strict=True)) == [("hill-small.png", "hill.png")]
    assert pairs.scored_by.tolist() == ["phash"]
    assert pairs.overlap_left.isna().all()


def test_stripes_and_gradients_with_the_same_hash_are_not_a_pair(tmp_path):
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
