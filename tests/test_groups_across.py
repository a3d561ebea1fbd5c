"""The explorer shows only groups whose images are in different splits, or have different labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import imgdup_nb as dup
from imgdup_nb.widgets import ThresholdState
from imgdup_nb.widgets.base import facts_by_name
from made_pairs import pairs_of

NAMES = [f"{k}.jpg" for k in range(8)]
PAIRS = pairs_of(NAMES, [0, 0, 30, 30, 60, 60, 0, 60])


def images_of(**columns):
    return pd.DataFrame({"image": NAMES, "path": NAMES, "problem": "", **columns})


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["train", "test", "", None, np.nan]), min_size=8, max_size=8))
def test_groups_across_splits_are_those_of_a_plain_loop(splits):
    images = images_of(split=pd.Series(splits, dtype=object))
    state = ThresholdState(PAIRS, images, across="split")
    known = {name: split for name, split in zip(NAMES, splits, strict=True) if pd.notna(split)}
    wanted = [
        number
        for number, group in enumerate(state.groups, 1)
        if len({known[name] for name in group if known.get(name)}) > 1
    ]
    assert len(state.groups) > 1
    assert sorted(state.shown) == wanted
    state.across = ""
    assert len(state.shown) == len(state.groups)


def test_a_column_of_numbers_is_compared_too_and_other_methods_keep_the_filter():
    images = images_of(fold=[1, 1, 2, 3, 4, 4, np.nan, 4])
    state = ThresholdState({"one": PAIRS, "two": PAIRS.iloc[:0]}, images, across="fold")
    assert [state.groups[number] for number in state.shown] == [["2.jpg", "3.jpg"]]
    state.method = "two"
    assert len(state.shown) == 0


def test_only_columns_with_two_values_are_offered():
    images = images_of(split="train", label=["cat", "dog"] * 4)
    same = images.drop(columns=["split", "label"])
    assert ThresholdState(PAIRS, images).in_use.columns_to_compare() == ["label"]
    assert ThresholdState(PAIRS, same).in_use.columns_to_compare() == []
    assert ThresholdState(PAIRS).in_use.columns_to_compare() == []


def test_a_column_that_is_not_there_is_refused():
    images = images_of(split="train")
    with pytest.raises(traitlets.TraitError, match="across must be a column of images"):
        ThresholdState(PAIRS, images, across="splits")
    with pytest.raises(traitlets.TraitError, match="there are none"):
        ThresholdState(PAIRS, across="split")


def test_split_and_label_are_in_the_captions(photos):
    with pytest.warns(UserWarning, match="could not be read"):
        images = dup.scan_images(photos)
    plain = facts_by_name(images)["cat.png"]
    labelled = facts_by_name(images.assign(split="test", label="cat"))
    assert labelled["cat.png"] == f"test, cat, {plain}"
    missing = facts_by_name(images.assign(split="test", label=None))
    assert missing["cat.png"] == f"test, {plain}"
