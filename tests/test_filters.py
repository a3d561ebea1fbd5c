"""Out again: the source without what the plan removes, tables of one's own, llms.txt."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imgdup_nb as dup
from imgdup_nb.cli import program

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def pictures(picture):
    """Return four pictures, the first and the last of which are equal."""
    return {name: picture(seed) for name, seed in (("a", 1), ("b", 2), ("c", 3), ("d", 1))}


def found(source, **options):
    return dup.find_duplicates(source, verify=False, sample=0, **options)


def test_lists_arrays_dicts_and_other_sequences_are_filtered(pictures):
    some = list(pictures.values())
    assert found(some).filter(some) == some[:3]
    assert found(tuple(some)).filter(tuple(some)) == tuple(some[:3])
    array = np.stack([np.asarray(one) for one in some])
    np.testing.assert_array_equal(found(array).filter(array), array[:3])
    assert list(found(pictures).filter(pictures)) == ["a", "b", "c"]

    class Torch:
        def __len__(self):
            return 4

        def __getitem__(self, number):
            return some[number], 0

    assert found(Torch()).filter(Torch()) == [0, 1, 2]


def test_each_split_of_a_dict_is_filtered(pictures):
    some = list(pictures.values())
    splits = {"train": some[:2], "test": some[2:]}
    result = found(splits)
    [removed] = result.removed.image
    kept = result.filter(splits)
    assert sum(map(len, kept.values())) == 3
    assert len(kept[removed.split("/")[0]]) == 1


def test_a_table_of_paths_or_of_pictures_keeps_its_rows_and_index(pictures, tmp_path):
    for name, one in pictures.items():
        one.save(tmp_path / f"{name}.png")
    table = pd.DataFrame({"file": [str(tmp_path / f"{name}.png") for name in "dcba"]}, list("wxyz"))
    result = found(dup.scan_images(table, path="file"))
    assert list(result.filter(table, path="file").index) == ["x", "y", "z"]
    shown = pd.DataFrame({"image": list(pictures.values()), "number": range(4)})
    assert list(found(dup.scan_images(shown)).filter(shown).number) == [0, 1, 2]


def test_another_source_is_refused(pictures, tmp_path):
    some = list(pictures.values())
    result = found(some)
    with pytest.raises(ValueError, match="must be what was scanned: 4 images, not 3"):
        result.filter(some[:3])
    with pytest.raises(TypeError, match=r"result\.kept lists what stays"):
        result.filter(str(tmp_path))
    some[0].save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="no column 'path'"):
        found(tmp_path).filter(pd.DataFrame({"file": ["a.png"]}))


def test_the_table_has_all_that_another_program_needs(pictures):
    table = found(pictures).table
    assert list(table.image) == ["a", "d"]
    assert list(table.action) == ["keep", "remove"]
    assert list(table.keeper) == ["", "a"]
    assert {"group", "path", "similarity", "original", "reason", "sha256", "bytes"} <= set(table)
    assert len(found({"a": pictures["a"]}).table) == 0


def test_pairs_of_another_program_become_a_pair_table():
    own = pd.DataFrame(
        {
            "left": ["b", "a", "c", "a"],
            "right": ["a", "b", "c", "d"],
            "similarity": [90, 95, 99, 60],
        }
    )
    pairs = dup.similar_pairs(own.assign(votes=[1, 2, 3, 4]), min_similarity=70)
    assert pairs.to_dict("list") == {
        "left": ["a"], "right": ["b"], "distance": [5.0], "similarity": [95.0],
        "relation": ["near"], "votes": [2],
    }  # fmt: skip
    assert (pairs.attrs["floor"], pairs.attrs["n_images"]) == (70, 4)
    assert len(dup.sweep_thresholds(pairs)) > 0
    assert list(dup.group_duplicates(pairs, 90)) == [["a", "b"]]
    assert len(dup.similar_pairs(own.iloc[:0])) == 0


@pytest.mark.parametrize(
    ("values", "words"), [([0.9, 1.0], "100 times a share"), ([120, 90], "from 0 to 100")]
)
def test_a_similarity_that_is_no_percent_is_refused(values, words):
    own = pd.DataFrame({"left": ["a", "b"], "right": ["c", "c"], "similarity": values})
    with pytest.raises(ValueError, match=words):
        dup.similar_pairs(own)


def test_embeddings_of_a_file_with_pickles_or_several_arrays_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.savez(tmp_path / "two.npz", np.eye(2), np.eye(2))
    for name in ("objects.npy", "two.npz"):
        with pytest.raises(ValueError, match=r"allow_pickle|of one array"):
            dup.Fingerprints.from_embeddings(tmp_path / name)


def test_llms_txt_names_pages_functions_and_commands_that_there_are():
    text = (PROJECT / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) >= 8
    assert all((PROJECT / link).is_file() for link in links)
    called = set(re.findall(r"`(?:result = dup\.|dup\.)?([a-z]+_[a-z_]+)[(`]", text))
    assert {"scan_images", "find_duplicates", "find_leaks"} <= called
    assert called - {"__all__"} <= set(dup.__all__)
    assert set(re.findall(r"`imgdup (\w+)", text)) <= set(program.commands)
