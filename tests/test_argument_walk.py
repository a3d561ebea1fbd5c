"""Every function is called with things that it does not take: the answer is a sentence of ours."""

from __future__ import annotations

import os
import pickle
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import traitlets
from PIL import Image

import imgdup_nb as dup

PACKAGE = os.path.dirname(dup.__file__)
NAMES = ["a.png", "b.png", "c.png"]


class Strange:
    """Nothing that any argument can be."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return the right arguments by name, of three small pictures of which two are equal."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, side in zip(NAMES, (64, 64, 80), strict=True):
        Image.radial_gradient("L").resize((side, 64)).save(folder / name)
    images = dup.scan_images(folder).assign(split=["train", "test", "test"], label=["x", "y", "x"])
    fingerprints = dup.fingerprint_images(images)
    pairs = dup.similar_pairs(fingerprints, min_similarity=0)
    groups = dup.group_duplicates(pairs, 90)
    labels = dup.Labels()
    labels.add("a.png", "b.png", "same")
    return {
        "folder": folder,
        "images": images,
        "fingerprints": fingerprints,
        "pairs": pairs,
        "groups": groups,
        "labels": labels,
        "plan": dup.choose_keepers(groups, images),
        "truth": pd.DataFrame([["a.png", "b.png"]], columns=["left", "right"]),
        "matrix": dup.similarity_matrix(fingerprints),
        "sweep": dup.sweep_thresholds(pairs),
        "leaks": dup.find_leaks(pairs, images),
    }


def find_wrong_values(tables):
    """Return things of many kinds by name: none of them is right everywhere."""
    pairs, images = tables["pairs"], tables["images"]
    return {
        "a table": pd.DataFrame({"u": [1, 2], "v": ["x", "y"]}),
        "an empty table": pd.DataFrame(),
        "images": images,
        "pairs of text": pairs.assign(similarity="x"),
        "pairs of NaN": pairs.assign(similarity=np.nan),
        "a column twice": pd.concat([pairs, pairs], axis=1),
        "an array": np.array([1, 2]),
        "an array of no dimension": np.array(3),
        "a column": images.image,
        "an object": Strange(),
        "NaN": float("nan"),
        "a missing value": pd.NA,
        "a negative number": -1,
        "a misspelt name": "misspelt",
        "a zero byte": "a\0b",
        "a list of a number": [3],
        "a list of None": [None],
        "a dict of numbers": {1: 2},
        "groups": tables["groups"],
    }


def call(name, /, **arguments):
    """Return one call to try: of a public name, or of a method, with arguments that are right."""
    return pytest.param(name, arguments, id=name)


# An argument that is the name of a table stands for it. Arguments that begin work of a second or
# more, or that a file may be written to, are left out.
CALLS = [
    call("apply_labels", pairs="pairs", labels="labels", linkage="star"),
    call("apply_plan", plan="plan", action="move", to="spare", dry_run=True, move=False),
    call("calibrate", images="images", n_sample=1, variations=["jpeg 85"], orientations=False,
         max_reach=0.1, confidence=0.95, seed=0, truth=None),
    call("choose_keepers", groups="groups", images="images", accept=(), protected=(), prefer=(),
         keep=None, by="label", compare=False, keep_metadata=False, rule=None),
    call("combine_pairs", pairs={}, thresholds={}, rule="any"),
    call("compare_decisions", old={}, new={}),
    call("compare_images", left="a", right="b"),
    call("compare_tool_defaults", pairs="pairs", linkage="star"),
    call("find_conflicts", groups="groups", images="images", by="label", pairs="pairs"),
    call("find_leaks", pairs="pairs", images="images", by="split", threshold=90, label=None),
    call("fingerprint_images", images="images", method="phash", orientations=False),
    call("group_duplicates", pairs="pairs", threshold=90, linkage="star"),
    call("mark_bursts", pairs="pairs", images="images", max_seconds=10),
    call("read_log", journal="run.jsonl"),
    call("recommend_threshold", pairs="pairs", labels="labels", min_precision=0.9, confidence=0.95),
    call("record_decision", groups="groups", images="images", labels=None, recommendation=None),
    call("remove_leaks", leaks="leaks", images="images", keep="test", by="split", threshold=90),
    call("resume", log="run.jsonl"),
    call("scan_images", source="folder", path="path", image="image", exclude=None, include=None,
         max_pixels=10**7, isolate=False, executor=None),
    call("score_labels", pairs="pairs", labels="labels", images="images", hints=()),
    call("score_thresholds", pairs="pairs", truth="truth", thresholds=[90], confidence=0.95),
    call("similar_pairs", fingerprints="fingerprints", others=None, min_similarity=70,
         include_low_detail=False, executor=None),
    call("similarity_matrix", fingerprints="fingerprints"),
    call("sweep_thresholds", pairs="pairs", thresholds=[90], linkage="star"),
    call("threshold_changes", pairs="pairs", strict=95, loose=80, linkage="star"),
    call("tune_from_examples", images="images", must_match=[("a.png", "b.png")],
         must_not_match=[("a.png", "c.png")], methods=["phash"], orientations=[False]),
    call("undo", log="run.jsonl"),
    call("GroupReviewer", plan="plan", save_to=None),
    call("PairLabeler", pairs="pairs", images="images", labels=None, threshold=90, confidence=0.95),
    call("PairViewer", pairs="pairs"),
    call("ThresholdExplorer", pairs="pairs", images="images", labels=None, truth=None, counts=None),
    call("Labels", path=None),
    call("Collection.add", source="a.png", name="d.png"),
    call("Collection.compare", a="a.png", b="b.png", methods=["phash"]),
    call("Collection.features", image="a.png", method="phash", orientations=False),
    call("Collection.find_by_tags", tags=["logo"], threshold=90, max_count=None, method="phash"),
    call("Collection.find_similar", image="a.png", threshold=90, max_count=None,
         orientations=False),
    call("Collection.delete", image="none.png", delete_stored_copy=False),
    call("Collection.get", image="a.png"),
    call("Collection.groups", threshold=90, method="phash", linkage="star", orientations=False,
         use_labels=True),
    call("Collection.label", left="a.png", right="b.png", label="same"),
    call("Collection.label_pairs", pairs=[("a.png", "b.png")], label="same"),
    call("Collection.pairs", method="phash", min_similarity=70, orientations=False,
         use_labels=False, linkage="star"),
    call("Collection.tag", name="logo", image="a.png"),
    call("Collection.untag", name="logo"),
    call("Collection.update", verify=False, add=None, executor=None),
    call("Fingerprints.count_pairs", min_similarity=0),
    call("Fingerprints.from_bits", names=["a"], bits=np.zeros((1, 64), bool), method=None),
    call("Fingerprints.from_embeddings", path="clip.npy", names=None, name="clip"),
    call("Fingerprints.from_hex", names=["a"], texts=["ff" * 8], method=None, n_bits=None),
    call("Fingerprints.from_vectors", names=["a", "b"], vectors=np.eye(2), name="clip"),
    call("GroupReviewer.decide", image="a.png", verdict="keep", part=0),
    call("GroupReviewer.accept", min_similarity=90),
    call("Grouping.ids", images="images"),
    call("Grouping.keep_list", images="images"),
    call("Grouping.path", one="a.png", other="b.png"),
    call("Grouping.to_response", casing="tutorial"),
    call("Labels.add", left="a.png", right="b.png", label="same", when=None, aim=""),
    call("Labels.add_pairs", pairs=[("a.png", "b.png")], label="same"),
    call("Labels.count", label="same"),
    call("Labels.from_frame", table="labels"),
    call("Labels.withdraw", pairs=[("a.png", "b.png")], label=None),
    call("PairLabeler.answer", label="same"),
    call("PairLabeler.answer_group", different=()),
    call("ThresholdExplorer.border", count=2),
    call("ThresholdExplorer.label", left="a.png", right="b.png", label="same"),
    call("ThresholdExplorer.select", group=1),
    call("ThresholdExplorer.snap", percent=90),
]  # fmt: skip


@pytest.fixture
def owner(tables, tmp_path, monkeypatch):
    """Return a function: a name of CALLS -> what is called, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "misspelt").write_bytes(pickle.dumps(np.arange(3)))  # a file of another kind
    pairs, images, opened = tables["pairs"], tables["images"], []
    makers = {
        "Collection": lambda: dup.Collection(tables["folder"], index=tmp_path / "index.sqlite"),
        "Fingerprints": lambda: tables["fingerprints"],
        "GroupReviewer": lambda: dup.GroupReviewer(tables["plan"]),
        "Grouping": lambda: tables["groups"],
        "Labels": dup.Labels,
        "PairLabeler": lambda: dup.PairLabeler(pairs, images),
        "ThresholdExplorer": lambda: dup.ThresholdExplorer(pairs, images),
    }

    def find(name):
        kind, dot, method = name.partition(".")
        if not dot:
            return getattr(dup, name)
        opened.append(makers[kind]())
        return getattr(opened[-1], method)

    yield find
    for thing in opened:
        if isinstance(thing, dup.Collection):
            thing.close()


def find_fault(error):
    """Return why an error is none of ours in one sentence; empty if it is."""
    text, (*_, last) = str(error), traceback.extract_tb(error.__traceback__)
    if "\n" in text or len(text) > 1500:
        return f"it is long: {text[:100]!r}"
    if isinstance(error, traitlets.TraitError):
        return ""  # a widget says which of its traits takes what
    if not isinstance(error, TypeError | ValueError | LookupError | OSError):
        return f"it is {type(error).__name__}: {text}"
    if not last.filename.startswith(PACKAGE) or not (last.line or "").startswith("raise "):
        return f"it is of {Path(last.filename).name}, line {last.lineno}: {text}"
    return ""


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_what_an_argument_is_not_is_answered_by_one_sentence_of_ours(
    tables, owner, name, arguments
):
    right = {
        argument: tables[value] if isinstance(value, str) and value in tables else value
        for argument, value in arguments.items()
    }
    function, faults, n_refused = owner(name), [], 0
    for argument in right:
        for what, value in find_wrong_values(tables).items():
            try:
                with warnings.catch_warnings(action="ignore"):
                    function(**{**right, argument: value})
            except Exception as error:
                n_refused += 1
                fault = find_fault(error)
                faults += [f"{argument}={what}: {fault}"] if fault else []
    assert "\n".join(faults) == ""
    assert n_refused > 0
