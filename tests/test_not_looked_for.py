"""What a hash does not look for is estimated by a sample, with an interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

import imgdup_nb as dup
from imgdup_nb.engine.parallel import map_batches, one_progress_bar
from imgdup_nb.evidence.not_looked_for import CROPPED, MIRRORED, MISSED_COLUMNS, estimate_missed


def textured(seed: int) -> Image.Image:
    """Return a picture of patches in three sizes, which a hash and an alignment can tell apart."""
    random = np.random.default_rng(seed)
    layers = [
        Image.fromarray(random.integers(0, 256, (side, side), dtype=np.uint8)).resize((160, 160), 3)
        for side in (6, 16, 40)
    ]
    return Image.blend(Image.blend(layers[0], layers[1], 0.4), layers[2], 0.3)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Return 40 pictures, 10 of them with a mirrored copy, and one with an equal one."""
    folder = tmp_path_factory.mktemp("mirrored")
    for seed in range(40):
        textured(seed).save(folder / f"{seed:02}.png")
        if seed < 10:
            ImageOps.mirror(textured(seed)).save(folder / f"{seed:02} mirrored.png")
    textured(30).save(folder / "30 again.png")
    return dup.scan_images(folder)


def estimate(images, **options):
    prints = dup.fingerprint_images(images, "phash")
    groups = dup.group_duplicates(dup.similar_pairs(prints), 90)
    return estimate_missed(prints, groups, **options).set_index("copies")


def test_a_small_collection_is_searched_whole_and_the_number_is_exact(scanned):
    found = estimate(scanned)
    row = found.loc[MIRRORED]
    assert (row["sample"], row.found, row.estimate, row.low, row.high) == (51, 20, 20, 20, 20)
    assert found.loc[CROPPED].high == 0


def test_a_crop_is_counted_apart_from_a_mirrored_copy(tmp_path):
    for seed in range(4):
        textured(seed).resize((320, 320)).save(tmp_path / f"{seed}.png")
    textured(0).resize((320, 320)).crop((50, 50, 290, 290)).save(tmp_path / "crop.png")
    ImageOps.mirror(textured(1).resize((320, 320))).save(tmp_path / "mirrored.png")
    found = estimate(dup.scan_images(tmp_path))
    assert found.found.to_dict() == {MIRRORED: 2, CROPPED: 2}


def test_the_interval_of_a_sample_holds_the_true_number(scanned, monkeypatch):
    monkeypatch.setattr("imgdup_nb.engine.features.find_spec", lambda _name: None)  # it is faster
    results = [estimate(scanned, sample=20, seed=seed).loc[MIRRORED] for seed in range(8)]
    assert all(row.low <= 20 <= row.high for row in results)
    assert len({row.found for row in results}) > 1
    assert 10 < np.mean([row.estimate for row in results]) < 32


def test_the_same_seed_draws_the_same_sample(scanned):
    one, other = (estimate(scanned, sample=15, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_a_sample_too_small_for_pairs_says_nothing_of_crops(scanned):
    assert list(estimate(scanned, sample=5).index) == [MIRRORED]


def test_copies_that_are_in_one_group_are_not_counted(scanned):
    prints = dup.fingerprint_images(scanned, "phash", orientations=False)
    turned = dup.fingerprint_images(scanned, "phash", orientations=True)
    groups = dup.group_duplicates(dup.similar_pairs(turned), 90)
    assert estimate_missed(prints, groups).found.sum() == 0


def test_nothing_is_sampled_where_there_is_nothing_to_sample(scanned):
    def rows(prints, **options):
        groups = dup.group_duplicates(dup.similar_pairs(prints), 90)
        found = estimate_missed(prints, groups, **options)
        assert list(found) == MISSED_COLUMNS
        return len(found)

    assert rows(dup.fingerprint_images(scanned.iloc[:0])) == 0
    assert rows(dup.fingerprint_images(scanned.iloc[:1])) == 0
    assert rows(dup.fingerprint_images(scanned.iloc[:2])) == 2
    assert rows(dup.fingerprint_images(scanned), sample=0) == 0
    assert rows(dup.fingerprint_images(scanned, orientations=True)) == 0
    assert rows(dup.Fingerprints.from_bits(["a", "b"], np.eye(2, 64, dtype=bool))) == 0


def test_without_opencv_only_mirrored_copies_are_estimated(scanned, monkeypatch):
    monkeypatch.setattr("imgdup_nb.engine.features.find_spec", lambda _name: None)
    found = estimate(scanned)
    assert found.found.to_dict() == {MIRRORED: 20}


def test_the_bars_of_all_steps_are_parts_of_one_bar_that_only_grows(monkeypatch):
    made = []

    class Bar:
        def __init__(self, **options):
            made.append(self)
            self.total, self.places, self.place, self.names = options["total"], [], 0.0, []

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            assert n >= 0
            self.place += n
            self.places.append(round(self.place, 6))

        def set_description_str(self, name, refresh):
            self.names.append(name)

    monkeypatch.setattr("imgdup_nb.engine.parallel._new_bar", Bar)
    with one_progress_bar({"scan": 30, "left out": 10, "align": 60}) as begin:
        begin("scan")
        list(map_batches(list, range(9), size=3))
        begin("align")
        assert made[0].place == 40
        list(map_batches(list, range(4), size=2))
        list(map_batches(list, []))
        list(map_batches(list, range(4), size=2))
    assert len(made) == 1
    assert made[0].names == ["scan", "align"]
    assert made[0].places[-1] == pytest.approx(40 + 60 * 8 / 9)
    list(map_batches(list, range(4)))
    assert len(made) == 2


def test_the_groups_of_one_call_say_what_was_not_looked_for(scanned):
    result = dup.find_duplicates(scanned)
    words = "A search of all 51 images finds a mirrored or turned copy of 20"
    assert repr(result.groups).splitlines()[-1].startswith(words)
    assert words in result.groups._repr_html_()
    assert result.groups.not_looked_for in repr(result)
    assert "\n" not in repr(dup.group_duplicates(result.pairs, 90))
