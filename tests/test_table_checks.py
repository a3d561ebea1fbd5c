"""What is no table gives a TypeError that names the argument; a table that was a CSV file works."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import imgdup_nb as dup

IMAGES = pd.DataFrame(
    {
        "image": ["a.png", "b.png"],
        "path": ["/nowhere/a.png", "/nowhere/b.png"],
        "problem": "",
        "sha256": ["1", "2"],
        "taken": pd.to_datetime(["2024-05-31 17:20:09"] * 2),
    }
)
BITS = np.zeros((2, 64), dtype=bool)
PRINTS = dup.Fingerprints.from_bits(["a.png", "b.png"], BITS)
PAIRS = dup.similar_pairs(PRINTS)
GROUPS = dup.group_duplicates(PAIRS, 90)
TRUTH = {"a.png": 1, "b.png": 1}
MATCH, OTHER = [("a.png", "b.png")], [("a.png", "c.png")]
LABELS = dup.Labels()

# argument, function of the argument's value
ARGUMENTS = {
    "apply_labels pairs": lambda bad: dup.apply_labels(bad, LABELS),
    "apply_labels labels": lambda bad: dup.apply_labels(PAIRS, bad),
    "apply_plan plan": dup.apply_plan,
    "calibrate images": dup.calibrate,
    "choose_keepers groups": lambda bad: dup.choose_keepers(bad, IMAGES),
    "choose_keepers images": lambda bad: dup.choose_keepers(GROUPS, bad),
    "compare_tool_defaults pairs": dup.compare_tool_defaults,
    "find_conflicts groups": lambda bad: dup.find_conflicts(bad, IMAGES, by="path"),
    "find_conflicts images": lambda bad: dup.find_conflicts(GROUPS, bad, by="path"),
    "find_leaks pairs": lambda bad: dup.find_leaks(bad, IMAGES, by="path"),
    "find_leaks images": lambda bad: dup.find_leaks(PAIRS, bad, by="path"),
    "fingerprint_images images": dup.fingerprint_images,
    "group_duplicates pairs": dup.group_duplicates,
    "mark_bursts pairs": lambda bad: dup.mark_bursts(bad, IMAGES),
    "mark_bursts images": lambda bad: dup.mark_bursts(PAIRS, bad),
    "plot_calibration calibration": dup.plot_calibration,
    "plot_group images": lambda bad: dup.plot_group(bad, GROUPS),
    "plot_group grouping": lambda bad: dup.plot_group(IMAGES, bad),
    "plot_costs scores": dup.plot_costs,
    "plot_label_scores scores": dup.plot_label_scores,
    "plot_matches images": lambda bad: dup.plot_matches(bad, "a.png", GROUPS.table),
    "plot_matches found": lambda bad: dup.plot_matches(IMAGES, "a.png", bad),
    "plot_matrix matrix": dup.plot_matrix,
    "plot_precision_recall scores": dup.plot_precision_recall,
    "plot_similarities pairs": dup.plot_similarities,
    "plot_sweep sweep": dup.plot_sweep,
    "plot_tool_defaults pairs": dup.plot_tool_defaults,
    "plot_true_and_false pairs": lambda bad: dup.plot_true_and_false(bad, TRUTH),
    "plot_true_and_false truth": lambda bad: dup.plot_true_and_false(PAIRS, bad),
    "combine_pairs pairs": lambda bad: dup.combine_pairs(bad, {"phash": 90, "dhash": 90}),
    "plot_pairs images": lambda bad: dup.plot_pairs(bad, PAIRS),
    "plot_pairs pairs": lambda bad: dup.plot_pairs(IMAGES, bad),
    "plot_changes images": lambda bad: dup.plot_changes(bad, PAIRS),
    "plot_changes pairs": lambda bad: dup.plot_changes(IMAGES, bad),
    "record_decision groups": lambda bad: dup.record_decision(bad, IMAGES),
    "record_decision images": lambda bad: dup.record_decision(GROUPS, bad),
    "remove_leaks leaks": lambda bad: dup.remove_leaks(bad, IMAGES, by="path"),
    "remove_leaks images": lambda bad: dup.remove_leaks(PAIRS, bad, by="path"),
    "score_labels pairs": lambda bad: dup.score_labels(bad, LABELS),
    "score_labels labels": lambda bad: dup.score_labels(PAIRS, bad),
    "score_thresholds pairs": lambda bad: dup.score_thresholds(bad, TRUTH),
    "score_thresholds truth": lambda bad: dup.score_thresholds(PAIRS, bad),
    "similar_pairs fingerprints": dup.similar_pairs,
    "similarity_matrix fingerprints": dup.similarity_matrix,
    "sweep_thresholds pairs": dup.sweep_thresholds,
    "threshold_changes pairs": lambda bad: dup.threshold_changes(bad, 95, 90),
    "tune_from_examples images": lambda bad: dup.tune_from_examples(bad, MATCH, OTHER),
    "tune_from_examples must_match": lambda bad: dup.tune_from_examples(IMAGES, bad, OTHER),
    "tune_from_examples must_not_match": lambda bad: dup.tune_from_examples(IMAGES, MATCH, bad),
    "verify_pairs pairs": lambda bad: dup.verify_pairs(bad, IMAGES),
    "verify_pairs images": lambda bad: dup.verify_pairs(PAIRS, bad),
    "write_report table": lambda bad: dup.write_report("report.html", bad),
    "GroupReviewer plan": dup.GroupReviewer,
    "PairLabeler pairs": dup.PairLabeler,
    "PairViewer pairs": lambda bad: dup.PairViewer(bad, IMAGES),
    "PairViewer images": lambda bad: dup.PairViewer(PAIRS, bad),
    "ThresholdExplorer pairs": dup.ThresholdExplorer,
    "Labels.from_frame table": dup.Labels.from_frame,
}
# None is a good value of these
OPTIONAL = {
    "PairLabeler images": lambda bad: dup.PairLabeler(PAIRS, bad),
    "ThresholdExplorer images": lambda bad: dup.ThresholdExplorer(PAIRS, bad),
    "recommend_threshold pairs": lambda bad: dup.recommend_threshold(
        bad, truth=TRUTH, min_recall=0.9
    ),
    "recommend_threshold labels": lambda bad: dup.recommend_threshold(
        PAIRS, labels=bad, min_precision=0.9
    ),
    "recommend_threshold calibration": lambda bad: dup.recommend_threshold(
        calibration=bad, min_recall=0.9
    ),
    "record_decision recommendation": lambda bad: dup.record_decision(
        GROUPS, IMAGES, recommendation=bad
    ),
    "record_decision labels": lambda bad: dup.record_decision(GROUPS, IMAGES, labels=bad),
    "similar_pairs others": lambda bad: dup.similar_pairs(PRINTS, bad),
    "write_report plan": lambda bad: dup.write_report("report.html", GROUPS.table, plan=bad),
}
# a text is a good value of these: the path of a file
ALSO_PATHS = {
    "compare_decisions old": lambda bad: dup.compare_decisions(bad, {}),
    "resume log": dup.resume,
    "undo log": dup.undo,
}
NO_TABLE = {
    "compare_images", "find_duplicates", "make_demo_collection", "read_log", "scan_images",
    "Collection", "Comparison",
    "Fingerprints", "Grouping", "OnnxEmbedding", "METHODS",
}  # fmt: skip


def no_arguments():
    wrong = pd.DataFrame({"x": [1]})
    for bad in (None, "photos", 3, wrong):
        yield from ((what, call, bad) for what, call in ARGUMENTS.items())
    for bad in ("photos", 3, wrong):
        yield from ((what, call, bad) for what, call in OPTIONAL.items())
    yield from ((what, call, bad) for bad in (None, 3) for what, call in ALSO_PATHS.items())


@pytest.mark.parametrize(
    ("what", "call", "bad"),
    [
        pytest.param(*values, id=f"{values[0]} {type(values[2]).__name__}")
        for values in no_arguments()
    ],
)
def test_what_is_no_such_table_is_a_type_error_that_names_the_argument(what, call, bad):
    name = what.split()[-1]
    with pytest.raises(TypeError, match=rf"^{name} must "):
        call(bad)


def test_every_public_function_that_takes_a_table_is_tried():
    tried = {what.split()[0].split(".")[0] for what in ARGUMENTS | OPTIONAL | ALSO_PATHS}
    functions = {name for name in dup.__all__ if callable(getattr(dup, name)) or name == "METHODS"}
    is_error = {
        name
        for name in functions
        if isinstance(getattr(dup, name), type) and issubclass(getattr(dup, name), BaseException)
    }
    assert functions - tried - NO_TABLE == is_error


def test_groups_and_images_in_each_others_place_are_told():
    with pytest.raises(TypeError, match=r"plot_group\(images, groups\), not Grouping"):
        dup.plot_group(GROUPS, IMAGES, ax=Figure().subplots())


# -- slips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda value: dup.group_duplicates(PAIRS, value),
        lambda value: dup.similar_pairs(PRINTS, min_similarity=value),
        lambda value: dup.sweep_thresholds(PAIRS, [value]),
        lambda value: dup.threshold_changes(PAIRS, 95, value),
        lambda value: dup.plot_similarities(PAIRS, value, ax=Figure().subplots()),
        lambda value: dup.verify_pairs(PAIRS, IMAGES, min_similarity=value),
    ],
)
@pytest.mark.parametrize(("share", "percent"), [(0.9, "90"), (1.0, "100"), (0.855, "85.5")])
def test_a_share_in_place_of_a_percent_is_asked_about(call, share, percent):
    with pytest.raises(ValueError, match=rf"is in percent: did you mean {percent} instead of"):
        call(share)


def test_zero_percent_is_a_percent():
    assert len(dup.similar_pairs(PRINTS, min_similarity=0)) == 1


def test_the_levels_of_a_fine_method_may_be_below_one_percent():
    bits = np.zeros((2, 256), dtype=bool)
    bits[1, :255] = True
    pairs = dup.similar_pairs(
        dup.Fingerprints.from_bits(["a", "b"], bits, "phash256"), min_similarity=0
    )
    levels = list(dup.sweep_thresholds(pairs).threshold)
    assert min(level for level in levels if level) == 100 / 256
    assert list(dup.sweep_thresholds(pairs, levels).threshold) == levels
    explorer = dup.ThresholdExplorer(pairs)
    explorer.threshold = 100 / 256
    assert explorer.threshold == 100 / 256


# -- tables that were CSV files --------------------------------------------------------------------


@pytest.fixture
def images(photos):
    with pytest.warns(UserWarning, match="could not be read"):
        return dup.scan_images(photos)


@pytest.fixture
def read_back(images, tmp_path):
    images.to_csv(tmp_path / "images.csv", index=False)
    return pd.read_csv(tmp_path / "images.csv")


def test_images_read_back_from_csv_give_the_same_pairs_and_plan(images, read_back):
    prints, again = dup.fingerprint_images(images), dup.fingerprint_images(read_back)
    assert again.names == prints.names
    pairs = dup.similar_pairs(prints)
    pd.testing.assert_frame_equal(dup.similar_pairs(again), pairs)
    groups = dup.group_duplicates(pairs, 90)
    pd.testing.assert_frame_equal(
        dup.choose_keepers(groups, read_back), dup.choose_keepers(groups, images)
    )
    record = dup.record_decision(groups, read_back)
    assert record["counts"]["unreadable"] == (images.problem != "").sum()
    assert record["inputs"] == dup.record_decision(groups, images)["inputs"]


def test_images_read_back_without_missing_values_do_too(images, tmp_path):
    images.to_csv(tmp_path / "images.csv", index=False)
    read_back = pd.read_csv(tmp_path / "images.csv", keep_default_na=False)
    assert dup.fingerprint_images(read_back).names == dup.fingerprint_images(images).names


def test_a_plan_read_back_from_csv_does_the_same(images, tmp_path):
    groups = dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images)), 90)
    plan = dup.choose_keepers(groups, images)
    plan.to_csv(tmp_path / "plan.csv", index=False)
    read_back = pd.read_csv(tmp_path / "plan.csv")
    one, other = (dup.apply_plan(table, to=tmp_path / "spare") for table in (plan, read_back))
    assert list(other.status) == list(one.status)
    assert set(dup.GroupReviewer(read_back).plan.flag) == set(plan.flag)


def test_pairs_read_back_from_csv_ask_for_their_floor(tmp_path):
    PAIRS.to_csv(tmp_path / "pairs.csv", index=False)
    read_back = pd.read_csv(tmp_path / "pairs.csv")
    with pytest.raises(ValueError, match=r"lost its floor.*pairs\.attrs\['floor'\] = 70"):
        dup.group_duplicates(read_back, 90)
    read_back.attrs["floor"] = 70
    assert list(dup.group_duplicates(read_back, 90)) == list(GROUPS)


def test_names_that_a_csv_file_took_for_numbers_or_nothing_are_told():
    with pytest.raises(TypeError, match=r"images\.image must hold names, not numbers"):
        dup.fingerprint_images(IMAGES.assign(image=[1, 2]))
    with pytest.raises(TypeError, match=r"images\.image must hold names, and one is missing"):
        dup.fingerprint_images(IMAGES.assign(image=["a.png", np.nan]))
    with pytest.raises(TypeError, match=r"pairs\.left must hold names, and one is missing"):
        dup.group_duplicates(PAIRS.assign(left=np.nan))


def test_times_that_are_no_times_are_told():
    with pytest.raises(ValueError, match=r"images\.modified must hold times"):
        dup.fingerprint_images(IMAGES.assign(modified="yesterday or so"))
