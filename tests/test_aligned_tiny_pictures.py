"""Method "aligned" asks method "tiny" about pictures that are too small for local features."""

import numpy as np
import pytest
from PIL import Image, ImageOps

import imgdup_nb as dup


@pytest.fixture
def tiny_folder(tmp_path, cat, temple):
    """Return a folder of two tiny photographs, each with two copies."""
    for name, photo in (("cat", cat), ("temple", temple)):
        side = min(photo.size)
        tiny = photo.resize((32, 32), box=(0, 0, side, side))
        tiny.save(tmp_path / f"{name}.png")
        tiny.resize((16, 16)).save(tmp_path / f"{name}-half.png")
        cut = side * 30 / 32
        photo.resize((32, 32), box=(0, 0, cut, cut)).save(tmp_path / f"{name}-zoomed.png")
    return tmp_path


def similarities(folder, method, floor=60):
    prints = dup.fingerprint_images(dup.scan_images(folder), method)
    pairs = dup.similar_pairs(prints, min_similarity=floor)
    return {
        frozenset((pair.left, pair.right)): (pair.similarity, pair.scored_by)
        if method == "aligned" else pair.similarity
        for pair in pairs.itertuples()
    }  # fmt: skip


def test_tiny_copies_have_at_least_the_similarity_of_method_tiny(tiny_folder):
    tiny, aligned = (similarities(tiny_folder, method) for method in ("tiny", "aligned"))
    sure = {pair: value for pair, value in tiny.items() if value >= 90}
    assert len(sure) == 6
    for pair, value in sure.items():
        assert aligned[pair][0] >= value - 1e-6
    assert "tiny" in {scorer for _, scorer in aligned.values()}
    assert set(aligned) == set(sure)


def test_larger_pictures_are_not_asked_about(tiny_folder):
    for path in tiny_folder.iterdir():
        Image.open(path).resize((97, 97)).save(path)
    aligned = similarities(tiny_folder, "aligned")
    assert "tiny" not in {scorer for _, scorer in aligned.values()}


def test_tiny_pictures_of_other_colours_are_not_copies(tmp_path, picture):
    grey = np.asarray(picture(3, 32, 32).convert("L"))
    for name, colour in (("blue", "#2040ff"), ("red", "#ff4020")):
        ImageOps.colorize(Image.fromarray(grey), "black", colour).save(tmp_path / f"{name}.png")
    found = similarities(tmp_path, "aligned", 0)
    assert all(value <= 79 for value, _ in found.values())


def test_a_collection_keeps_pairs_scored_by_tiny(tiny_folder):
    with dup.Collection(tiny_folder) as photos:
        made = photos.pairs("aligned", min_similarity=60)
        assert "tiny" in set(made.scored_by)
    with dup.Collection(tiny_folder) as photos:
        kept = photos.pairs("aligned", min_similarity=60)
    assert kept.scored_by.tolist() == made.scored_by.tolist()
    assert kept.similarity.tolist() == made.similarity.tolist()


def test_two_tiny_files_verified_pairs_and_a_search_have_the_scores_of_all_pairs(tiny_folder):
    images = dup.scan_images(tiny_folder)
    listed = similarities(tiny_folder, "aligned")
    assert "tiny" in {scorer for _, scorer in listed.values()}
    for pair, (value, scorer) in listed.items():
        paths = [tiny_folder / name for name in sorted(pair)]
        row = dup.compare_images(*paths).scores.loc["aligned"]
        assert row.similarity == pytest.approx(value)
        assert ("as by tiny" in row["90 means"]) == (scorer == "tiny")
    found = dup.similar_pairs(dup.fingerprint_images(images, "tiny"), min_similarity=90)
    verified = dup.verify_pairs(found, images)
    assert {
        frozenset((pair.left, pair.right)): (pair.similarity, pair.scored_by)
        for pair in verified.itertuples()
    } == {pair: (pytest.approx(value), scorer) for pair, (value, scorer) in listed.items()}
    with dup.Collection(tiny_folder) as photos:
        near = photos.find_similar("cat.png", threshold=60, method="aligned")
    assert set(near.image) == {"cat-half.png", "cat-zoomed.png"}
    for name, value in zip(near.image, near.similarity, strict=True):
        assert value == pytest.approx(listed[frozenset(("cat.png", name))][0])
