"""What a person says of a pair is kept in one place, whoever asked, and obeyed there."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import (
    Collection,
    Fingerprints,
    GroupReviewer,
    Labels,
    PairLabeler,
    apply_labels,
    choose_keepers,
    group_duplicates,
    record_decision,
    score_labels,
    score_thresholds,
    similar_pairs,
)
from imgdup_nb.collection.as_labels import open_labels
from imgdup_nb.collection.index import UnknownImage
from imgdup_nb.groups import LINKAGES

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be (read|shown)")

CATS = ("cat.bmp", "sub/cat.jpg")


def answers(collection):
    return {(row.left, row.right): row.label for row in collection.labels.itertuples()}


def is_together(groups, left, right):
    return any({left, right} <= set(group) for group in groups)


# -- a collection as the place of answers ----------------------------------------------------------


def test_a_labeler_keeps_its_answers_in_the_collection_and_finds_them_in_the_next_session(photos):
    with Collection(photos) as collection:
        labeler = PairLabeler(collection.pairs(), collection.images, labels=collection)
        questions = []
        for label in ("different", "same", "skip"):
            questions.append(labeler.question)
            labeler.answer(label)
        assert answers(collection) == dict(
            zip(questions, ("different", "same", "skip"), strict=True)
        )
        labeler.close()
    with Collection(photos) as collection:
        labeler = PairLabeler(collection.pairs(), collection.images, labels=collection)
        assert labeler.view["counts"] == {"same": 1, "different": 1, "skip": 1}
        assert labeler.question not in questions
        labeler.undo()
        assert labeler.question == questions[-1]  # the answer given last, in whichever session
        assert answers(collection) == dict(zip(questions[:2], ("different", "same"), strict=True))
        assert not is_together(collection.groups(70), *questions[0])
        labeler.close()


def test_labels_kept_in_a_collection_behave_like_labels_in_memory(photos):
    with Collection(photos) as collection:
        for labels in (Labels(), open_labels(collection)):
            labels.add("cat.png", "dog.png", "same")
            labels.add("dog.png", "cat.png", "different")
            labels.add_pairs([("tree.png", "cat.png"), ("tree.png", "dog.png")], "skip")
            assert list(labels.table.label) == ["different", "skip", "skip"]
            labels.withdraw(
                [("cat.png", "tree.png"), ("cat.png", "dog.png"), ("cat.png", "cat.bmp")], "skip"
            )
            assert repr(labels) == "<Labels: 0 same, 1 different, 1 skipped>"
            assert [set(labels.undo()), set(labels.undo()), labels.undo()] == [
                {"dog.png", "tree.png"}, {"cat.png", "dog.png"}, None,
            ]  # fmt: skip
            with pytest.raises(ValueError, match="must be two images"):
                labels.add("cat.png", "cat.png", "same")


def test_groups_say_when_labels_have_taken_every_pair_out():
    bits = np.zeros((2, 64), dtype=bool)
    labels = Labels()
    labels.add("a", "b", "different")
    pairs = apply_labels(similar_pairs(Fingerprints.from_bits(["a", "b"], bits)), labels)
    assert "Labels took the only pair out" in group_duplicates(pairs, 90).advice


def test_undo_takes_back_own_answers_before_those_of_others(photos):
    with Collection(photos) as collection:
        labels = open_labels(collection)
        labels.add("cat.png", "dog.png", "same")
        collection.label("tree.png", "dog.png", "different")
        assert labels.undo() == ("cat.png", "dog.png")
        assert labels.undo() == ("dog.png", "tree.png")


def test_many_pairs_are_labelled_all_or_none(photos):
    with Collection(photos) as collection:
        with pytest.raises(UnknownImage, match=r"no image 'mouse\.png'"):
            collection.label_pairs([("cat.png", "dog.png"), ("cat.png", "mouse.png")], "same")
        assert collection.labels.empty
        collection.label_pairs([("cat.png", "dog.png"), ("tree.png", "dog.png")], "same")
        collection.label_pairs([("dog.png", "cat.png"), ("cat.png", "tree.png")], None)
        assert answers(collection) == {("dog.png", "tree.png"): "same"}


def test_what_cannot_keep_answers_is_refused():
    with pytest.raises(
        TypeError, match="labels must be Labels, a Collection, or the path of a CSV file, not int"
    ):
        open_labels(3)


def test_evidence_reads_the_labels_of_a_collection(photos):
    with Collection(photos) as collection:
        pairs = collection.pairs()
        for left, right in zip(pairs.left, pairs.right, strict=True):
            collection.label(left, right, "different" if "blurred" in left + right else "same")
        scores = score_thresholds(pairs, collection.labels).iloc[-1]
        n_blurred = sum(
            "blurred" in left + right for left, right in zip(pairs.left, pairs.right, strict=True)
        )
        assert n_blurred
        assert (scores.true, scores.false, scores.missed) == (len(pairs) - n_blurred, n_blurred, 0)
        pd.testing.assert_frame_equal(
            score_labels(pairs, collection.labels), score_labels(pairs, open_labels(collection))
        )
        record = record_decision(collection.groups(90), collection.images, labels=collection.labels)
        assert record["evidence"]["labels"] == {
            "different": n_blurred,
            "same": len(pairs) - n_blurred,
        }


VOTER = """
import sys, warnings
warnings.simplefilter("ignore")
from imgdup_nb import Collection
from imgdup_nb.collection.as_labels import open_labels

with Collection(sys.argv[1]) as photos:
    labels = open_labels(photos)
    print("ready", flush=True)
    input()
    for number in range(int(sys.argv[2]), 24, 2):
        one, other = divmod(number, 6)
        labels.add(f"{one}.png", f"{other + 4}.png", "same" if number % 2 else "different")
print("done")
"""


def test_two_kernels_that_label_at_once_lose_no_answer(tmp_path, picture):
    for k in range(10):
        picture(k).save(tmp_path / f"{k}.png")
    with Collection(tmp_path) as collection:
        collection.update()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        voters = [
            subprocess.Popen([sys.executable, "-c", VOTER, str(tmp_path), parity], **pipes)
            for parity in "01"
        ]
        assert [voter.stdout.readline() for voter in voters] == ["ready\n"] * 2
        for voter in voters:
            voter.stdin.write("go\n")
            voter.stdin.flush()
        assert [voter.communicate(timeout=60)[0] for voter in voters] == ["done\n"] * 2
        assert len(collection.labels) == 24
        assert collection.labels.label.value_counts().to_dict() == {"same": 12, "different": 12}


# -- obeyed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("linkage", LINKAGES)
def test_the_pair_table_for_explorers_keeps_apart_at_every_threshold(photos, linkage):
    with Collection(photos) as collection:
        collection.label(*CATS, "different")
        assert len(collection.pairs()) == len(
            similar_pairs(collection.fingerprints())
        )  # evidence wants all of them
        pairs = collection.pairs(use_labels=True, linkage=linkage)
        for threshold in (100, 95, 90, 80, 70):
            groups = group_duplicates(pairs, threshold, linkage=linkage)
            assert not is_together(groups, *CATS)
            if threshold <= 90:
                assert list(groups) == list(collection.groups(threshold, linkage=linkage))


def test_what_was_said_of_an_image_that_is_gone_holds_for_its_copy(photos):
    with Collection(photos) as collection:
        (photos / "tabby.bmp").write_bytes((photos / "cat.bmp").read_bytes())
        collection.update()
        collection.label(*CATS, "different")
        collection.delete("cat.bmp")
        assert not is_together(collection.groups(90), "tabby.bmp", "sub/cat.jpg")
        assert is_together(collection.groups(90, use_labels=False), "tabby.bmp", "sub/cat.jpg")


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(0, 14),
    copies=st.integers(1, 3),
    linkage=st.sampled_from(LINKAGES),
    threshold=st.sampled_from([100, 90, 80]),
    apart=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=8),
)
def test_no_group_holds_two_images_called_different_nor_copies_of_them(
    seed, n, copies, linkage, threshold, apart
):
    rng = np.random.default_rng(seed)
    contents = np.arange(n) // copies
    bits = (np.repeat(rng.random((1, 64)) < 0.5, 14, axis=0) ^ (rng.random((14, 64)) < 0.08))[
        contents
    ]
    names = [f"{k:02d}" for k in range(n)]
    pairs = similar_pairs(Fingerprints.from_bits(names, bits.reshape(n, 64)))
    equal = contents[pairs.left.cat.codes] == contents[pairs.right.cat.codes]
    pairs["relation"] = np.where(equal, "same bytes", "near")
    labels = Labels()
    for one, other in apart:
        if one != other and max(one, other) < n:
            labels.add(names[one], names[other], "different")
    groups = group_duplicates(
        apply_labels(pairs, labels, linkage=linkage), threshold, linkage=linkage
    )
    for row in labels.table.itertuples():
        one, other = contents[int(row.left)], contents[int(row.right)]
        if one == other:
            assert not is_together(groups, row.left, row.right)
        else:
            assert not any(
                {one, other} <= {contents[int(name)] for name in group} for group in groups
            )
    if not len(labels):
        assert list(groups) == list(group_duplicates(pairs, threshold, linkage=linkage))


def test_the_last_answer_counts_also_if_it_was_given_about_another_copy():
    pairs = similar_pairs(
        Fingerprints.from_bits(["a", "a copy", "b"], np.zeros((3, 64), dtype=bool))
    )
    pairs["relation"] = ["same bytes", "near", "near"]
    labels = Labels()
    labels.add("a", "b", "different")
    assert list(group_duplicates(apply_labels(pairs, labels), 90)) == [["a", "a copy"]]
    labels.add("a copy", "b", "same")
    assert list(group_duplicates(apply_labels(pairs, labels), 90)) == [["a", "a copy", "b"]]


@pytest.mark.parametrize("linkage", LINKAGES)
def test_of_very_many_copies_those_called_different_part(linkage, monkeypatch):
    monkeypatch.setattr("imgdup_nb.engine.copies.MAX_COPIES", 3)
    names = list("abcdefgh")
    pairs = similar_pairs(Fingerprints.from_bits(names, np.zeros((8, 64), dtype=bool)))
    assert len(pairs) == 7
    labels = Labels()
    labels.add("c", "f", "different")
    labels.add("a", "h", "different")
    groups = group_duplicates(apply_labels(pairs, labels, linkage=linkage), 90, linkage=linkage)
    assert not is_together(groups, "c", "f")
    assert not is_together(groups, "a", "h")
    assert is_together(groups, "a", "b")


# -- the reviewer's "not a duplicate" is such an answer --------------------------------------------


def test_what_a_reviewer_sets_apart_never_groups_again(photos):
    with Collection(photos) as collection:
        reviewer = GroupReviewer(
            choose_keepers(collection.groups(90), collection.images), labels=collection
        )
        reviewer.decide("sub/cat.jpg", "different")
        others = [
            image for image in reviewer.plan.image if "cat" in image and image != "sub/cat.jpg"
        ]
        assert answers(collection) == {
            tuple(sorted(["sub/cat.jpg", other])): "different" for other in others
        }
        assert not any("sub/cat.jpg" in group for group in collection.groups(70))
        reviewer.close()


def test_a_decision_taken_back_takes_its_label_back_but_no_other(photos):
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        reviewer = GroupReviewer(
            choose_keepers(collection.groups(90), collection.images), labels=collection
        )
        reviewer.decide("sub/cat.jpg", "different")
        collection.label(*CATS, "same")  # somebody knows better
        reviewer.decisions = {}
        assert answers(collection) == {("cat.png", "dog.png"): "different", CATS: "same"}
        reviewer.close()


def test_decisions_of_an_earlier_review_are_remembered_when_labels_are_given(photos, tmp_path):
    with Collection(photos) as collection:
        plan = choose_keepers(collection.groups(90), collection.images)
        reviewer = GroupReviewer(plan, save_to=tmp_path / "review.json")
        reviewer.decide("sub/cat.jpg", "keep", part=1)
        reviewer.close()
        assert collection.labels.empty
        reviewer = GroupReviewer(plan, save_to=tmp_path / "review.json", labels=collection)
        assert set(map(tuple, reviewer.not_duplicates.to_numpy())) == set(answers(collection))
        reviewer.close()
    csv = GroupReviewer(plan, labels=tmp_path / "labels.csv")
    csv.decide("sub/cat.jpg", "keep", part=1)
    csv.close()
    assert Labels(tmp_path / "labels.csv").count("different") == 4
