"""The grouping rule in JavaScript gives what Python gives, at every level and linkage."""

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import imgdup_nb as dup
from imgdup_nb.engine import copies
from imgdup_nb.engine.pair_graph import PairGraph
from imgdup_nb.groups import LINKAGES, group_graph
from imgdup_nb.sweep import graph_levels, sweep_graph
from imgdup_nb.widgets.group_rows import Changes
from imgdup_nb.widgets.page_data import pack_pairs
from pair_tables import pair_table, pair_tables

ASSETS = Path(dup.__file__).parent / "widgets" / "assets"

ANSWER = """\
({ packed, levels, linkages }) => {
  const pairs = unpackPairs(packed);
  const known = (values) => Array.from(values, (value) => Number.isNaN(value) ? null : value);
  const tables = {};
  for (const linkage of linkages) {
    tables[linkage] = levels.map((level) => {
      const owner = findOwners(pairs, level, linkage);
      const table = GroupTable.of(pairs, owner);
      const { groups, images, largest } = tallyOwners(owner);
      const counts = [pairs.countPairs(pairs.countNear(level)), groups, images, largest];
      return { image: [...table.image], group: [...table.group], counts,
               similarity: known(table.similarity), weakest: known(table.weakest) };
    });
  }
  const complete = completeOwners(pairs, levels).map((owner) => [...owner]);
  const byLevel = levels.map((level) => [...findOwners(pairs, level, "complete")]);
  return { tables, isOnePass: JSON.stringify(complete) === JSON.stringify(byLevel) };
}
"""
COMPARE = """\
({ packed, now, other, linkage }) => {
  const pairs = unpackPairs(packed);
  const [here, there] = [now, other].map((level) =>
    GroupTable.of(pairs, findOwners(pairs, level, linkage)));
  const { kinds, all, newRows } = compareGroups(here, there, pairs.n, other >= now);
  return { kinds, all, newRows: [...newRows] };
}
"""
CHAINS = """\
({ packed, level, linkage }) => {
  const pairs = unpackPairs(packed);
  const table = GroupTable.of(pairs, findOwners(pairs, level, linkage));
  return table.size.map((_, place) => {
    const members = table.rows(place + 1).map((row) => table.image[row]);
    return members.slice(1).map((other) =>
      [members[0], other, strongestChain(pairs, level, members, members[0], other)]);
  }).flat();
}
"""
PLENTY = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def rule(page):
    """Load the rule into a bare page, and return a function that asks it."""
    page.goto("about:blank")
    page.add_script_tag(content=(ASSETS / "grouping.js").read_text(encoding="utf-8"))
    model = (ASSETS / "page_model.js").read_text(encoding="utf-8")
    page.add_script_tag(content=model)
    return page.evaluate


def table_of_python(graph, level, linkage, tally):
    grouping = group_graph(graph, level, linkage)
    table, place = grouping.table, {name: number for number, name in enumerate(graph.names)}
    weakest = table.weakest[table.original]
    return {
        "image": [place[name] for name in table.image],
        "group": table.group.tolist(),
        "counts": [int(tally[name]) for name in ("pairs", "groups", "images", "largest")],
        "similarity": [None if np.isnan(value) else value for value in table.similarity],
        "weakest": [None if np.isnan(value) else value for value in weakest],
    }


def assert_same_groups(rule, pairs):
    graph = PairGraph.read(pairs)
    levels = graph_levels(graph).tolist()
    packed = json.loads(json.dumps(pack_pairs(graph)))
    answer = rule(ANSWER, {"packed": packed, "levels": levels, "linkages": LINKAGES})
    assert answer["isOnePass"]
    for linkage in LINKAGES:
        counts = sweep_graph(graph, levels, linkage).to_dict("records")
        for level, table, tally in zip(levels, answer["tables"][linkage], counts, strict=True):
            assert table == table_of_python(graph, level, linkage, tally), (linkage, level)


@PLENTY
@given(pair_tables())
@example(pair_table([]))
@example(pair_table([("a.jpg", "b.jpg", 90)]))
def test_groups_are_those_of_python_at_every_level_and_linkage(rule, pairs):
    assert_same_groups(rule, pairs)


@st.composite
def hashes(draw):
    """Hashes of up to 40 images in a few families, some with the very same bits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, families = draw(st.integers(0, 40)), draw(st.integers(1, 4))
    bits = rng.random((families, 64))[rng.integers(0, families, n)] < 0.5
    flipped = rng.random((n, 64)) < rng.choice([0, 0.02, 0.08], (n, 1))
    return dup.Fingerprints.from_bits([f"{k}.jpg" for k in range(n)], bits ^ flipped)


@PLENTY
@given(hashes())
def test_groups_of_hashes_are_those_of_python(rule, prints):
    assert_same_groups(rule, dup.similar_pairs(prints, min_similarity=70))


def two_sets_of_copies():
    """Four images of one hash and four of another one, which differs in two bits."""
    bits = np.zeros((8, 64), bool)
    bits[4:, :2] = True
    return dup.Fingerprints.from_bits([f"{k}.jpg" for k in range(8)], bits)


@PLENTY
@given(hashes(), st.integers(1, 3))
@example(two_sets_of_copies(), 2)
def test_groups_of_very_many_copies_are_those_of_python(rule, prints, max_alike):
    with patch.object(copies, "MAX_COPIES", max_alike):
        assert_same_groups(rule, dup.similar_pairs(prints, min_similarity=70))


def test_a_threshold_typed_with_rounding_reaches_its_level(rule):
    pairs = pair_table([("a.jpg", "b.jpg", 100 * (1 - 3 / 42))])
    packed = pack_pairs(PairGraph.read(pairs))
    count = "([packed, level]) => unpackPairs(packed).countNear(level)"
    assert rule(count, [packed, 100 - 300 / 42]) == 1
    assert rule(count, [packed, 92.9]) == 0


@PLENTY
@given(pair_tables(), st.sampled_from(LINKAGES), st.data())
def test_changes_between_two_thresholds_are_those_of_python(rule, pairs, linkage, data):
    graph = PairGraph.read(pairs)
    now, other = (data.draw(st.sampled_from([71, 80, 85, 90, 95, 100])) for _ in range(2))
    found = rule(
        COMPARE, {"packed": pack_pairs(graph), "now": now, "other": other, "linkage": linkage}
    )
    here, there = (group_graph(graph, level, linkage) for level in (now, other))
    rows = [(groups._members.group, groups._members.number) for groups in (here, there)]
    compare = Changes.forward if other >= now else Changes.backward
    expected = compare(*rows, len(graph.names))
    assert found["kinds"] == expected.kinds.tolist()
    assert found["newRows"] == np.flatnonzero(expected.new_rows).tolist()
    assert sorted(found["all"]) == sorted(expected.all_kinds.tolist())


@PLENTY
@given(pair_tables(), st.sampled_from(LINKAGES), st.sampled_from([71, 80, 90]))
@example(pair_table([("a", "b", 95), ("b", "c", 95), ("a", "c", 95)]), "connected", 90)
def test_the_chain_of_the_page_is_as_strong_as_that_of_python_and_not_longer(
    rule, pairs, linkage, level
):
    graph = PairGraph.read(pairs)
    groups = dup.group_duplicates(pairs, level, linkage=linkage)
    found = rule(CHAINS, {"packed": pack_pairs(graph), "level": level, "linkage": linkage})
    assert len(found) == sum(len(group) - 1 for group in groups)
    known = {
        frozenset((graph.names[a], graph.names[b])): value
        for a, b, value in zip(graph.first, graph.second, graph.similarity, strict=True)
    }
    for one, other, steps in found:
        expected = groups.path(graph.names[one], graph.names[other])
        assert min(step[2] for step in steps) == expected.similarity.min()
        assert len(steps) <= len(expected)
        ends = [one, *(step[1] for step in steps)]
        assert ends[-1] == other
        assert [step[0] for step in steps] == ends[:-1]
        for left, right, value in steps:
            assert known[frozenset((graph.names[left], graph.names[right]))] == value
