"""A decision is written down whole, and compared with a later one."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imgdup_nb import (
    Fingerprints,
    Labels,
    apply_labels,
    compare_decisions,
    fingerprint_images,
    group_duplicates,
    recommend_threshold,
    record_decision,
    scan_images,
    similar_pairs,
)


@pytest.fixture
def decided(photos):
    with pytest.warns(UserWarning, match="could not be read"):
        images = scan_images(photos)
    pairs = similar_pairs(fingerprint_images(images))
    return images, pairs


def test_a_record_is_json_and_the_same_decision_twice_is_no_change(decided, tmp_path):
    images, pairs = decided
    labels = Labels()
    labels.add("cat.png", "dog.png", "different")
    path = tmp_path / "decision.json"
    record = record_decision(
        group_duplicates(pairs, 90), images, labels=labels, note="first", path=path
    )
    assert json.loads(path.read_text(encoding="utf-8")) == record
    assert record["counts"]["unreadable"] == 3
    assert record["evidence"]["labels"] == {"different": 1}
    again = record_decision(group_duplicates(pairs, 90), images, labels=labels)
    assert compare_decisions(path, again).empty


def test_a_comparison_tells_files_groups_and_settings_that_changed(decided, photos, picture):
    images, pairs = decided
    old = record_decision(group_duplicates(pairs, 90), images)
    (photos / "cat.bmp").unlink()
    picture(2).rotate(180).save(photos / "dog.png")
    picture(3).save(photos / "tree again.png")
    with pytest.warns(UserWarning, match="could not be read"):
        later = scan_images(photos)
    new = record_decision(group_duplicates(similar_pairs(fingerprint_images(later)), 95), later)
    changes = compare_decisions(old, new)
    files = changes[changes.what == "file"].set_index("change")
    assert files.loc["gone", "old"] == "cat.bmp"
    assert files.loc["new", "new"] == "tree again.png"
    assert files.loc["changed", "old"] == "dog.png"
    groups = changes[changes.what == "group"]
    assert set(groups.change) >= {"new", "gone", "changed"}
    assert changes.iloc[0].tolist() == ["threshold", "changed", 90.0, 95.0]


def test_something_else_than_a_record_is_refused(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"format": 99}')
    with pytest.raises(ValueError, match="format 1 made by record_decision, and this one has 99"):
        compare_decisions(path, path)


def test_a_recommendation_is_written_down_with_its_intervals(decided):
    images, pairs = decided
    found = recommend_threshold(pairs, truth=lambda name: name.split()[0], max_false_pairs=99)
    record = record_decision(
        group_duplicates(apply_labels(pairs, Labels()), 90), images, recommendation=found
    )
    assert record["evidence"]["reason"] == found.reason
    json.dumps(record)


def test_a_decision_made_of_other_things_is_refused_by_name(decided, tmp_path):
    images, pairs = decided
    groups = group_duplicates(pairs, 90)
    with pytest.raises(TypeError, match="groups must be made by group_duplicates"):
        record_decision(images, groups)
    with pytest.raises(TypeError, match="recommendation must be made by recommend_threshold"):
        record_decision(groups, images, recommendation=90)
    path = tmp_path / "half.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="it is not JSON"):
        compare_decisions(path, path)


def test_labels_in_a_table_are_written_down_like_labels(decided):
    images, pairs = decided
    table = pd.DataFrame({"left": ["a"], "right": ["b"], "label": ["same"]})
    groups = group_duplicates(pairs, 90)
    one, other = (
        record_decision(groups, images, labels=labels)
        for labels in (table, Labels.from_frame(table))
    )
    assert compare_decisions(one, other).empty


def test_a_record_of_the_first_version_is_read_as_one_of_today(decided):
    images, pairs = decided
    found = recommend_threshold(pairs, truth=lambda name: name.split()[0], max_false_pairs=99)
    record = record_decision(group_duplicates(pairs, 90), images, recommendation=found)
    first = json.loads(json.dumps(record))
    first["evidence"]["wish"] = first["evidence"].pop("requirements")
    assert compare_decisions(first, record).empty


def test_a_record_that_version_0_1_wrote_opens_and_is_compared_with_one_of_today():
    written = Path(__file__).parent / "decision_of_0_1.json"
    bits = np.zeros((5, 64), dtype=bool)
    bits[1, :2] = bits[2, :6] = bits[3, 32:] = bits[4, 32:] = bits[4, :2] = True
    names = ["cat.jpg", "cat (1).jpg", "cat small.jpg", "dog.jpg", "dog (1).jpg"]
    prints = Fingerprints.from_bits(names, bits)
    groups = group_duplicates(similar_pairs(prints), 90)
    changes = compare_decisions(written, record_decision(groups, prints.images))
    what = changes.set_index("what")
    assert json.loads(written.read_text())["versions"]["imgdup-nb"] == "0.1.0"
    assert what.old["threshold"] == 95
    assert what.new["threshold"] == 90
    assert what.new["group"] == ["cat.jpg", "cat (1).jpg", "cat small.jpg"]
    assert what.old["evidence"]["requirements"] == {"min_precision": 0.1}
    assert "file" not in what.index
    assert compare_decisions(written, written).empty
