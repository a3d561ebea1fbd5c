"""The map of the explorer: where images lie, which are joined, and what the lasso shows."""

import sys

import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine.pair_graph import PairGraph, components
from imgdup_nb.widgets.circle_layout import _pack_circles, circle_positions, strongest_edges
from page_file import data_of
from pair_tables import THRESHOLDS, pair_table, pair_tables

PAIRS = [("a", "b", 97), ("b", "c", 91), ("d", "e", 85), ("c", "d", 72)]


def spread(places):
    """Return how far the outermost of some places are apart."""
    return max((np.hypot(*(one - other)) for one in places for other in places), default=0)


@settings(deadline=None)
@given(st.lists(st.floats(0.5, 9), min_size=1, max_size=40), st.floats(0, 6))
def test_circles_lie_side_by_side_and_never_on_each_other(radii, turn):
    radius = np.sort(np.array(radii))[::-1].copy()
    centre = _pack_circles(radius, turn)
    apart = np.hypot(*(centre[:, None] - centre[None]).transpose(2, 0, 1))
    room = radius[:, None] + radius
    assert (apart - room)[~np.eye(len(radius), dtype=bool)].min(initial=0) > -1e-6


@settings(deadline=None)
@given(pair_tables())
def test_every_image_has_its_own_place_within_the_map(pairs):
    positions = circle_positions(PairGraph.read(pairs))
    assert len(np.unique(positions, axis=0)) == len(positions)
    assert np.hypot(*positions.T).max(initial=0) <= 1 + 1e-6


def test_images_that_more_similar_pairs_connect_are_nearer():
    graph = PairGraph.read(pair_table(PAIRS))
    place = dict(zip(graph.names, circle_positions(graph), strict=True))
    spreads = [spread([place[name] for name in names]) for names in ("ab", "abc", "abcde")]
    assert spreads == sorted(spreads)
    assert spread([place["d"], place["e"]]) < spread([place["c"], place["d"]])


def test_images_without_a_pair_lie_around_all_others():
    names = list("abcdxyz")
    table = pair_table([("a", "b", 90), ("c", "d", 80)], n_images=7)
    for side in ("left", "right"):
        table[side] = pd.Categorical(table[side], names)
    graph = PairGraph.read(table)
    away = dict(zip(graph.names, np.hypot(*circle_positions(graph).T), strict=True))
    assert max(away[name] for name in "abcd") < min(away[name] for name in "xyz")


def test_the_same_pairs_in_another_order_give_the_same_map():
    first = circle_positions(PairGraph.read(pair_table(PAIRS)))
    assert (circle_positions(PairGraph.read(pair_table(PAIRS[::-1]))) == first).all()


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"]])
def test_few_images_without_pairs_have_places(names):
    explorer = dup.ThresholdExplorer(unrelated(names))
    table = explorer.map()
    assert table.image.tolist() == names
    assert table.group.tolist() == [0] * len(names)
    assert np.isfinite(table[["x", "y"]]).all(axis=None)
    explorer.close()


def unrelated(names):
    bits = np.random.default_rng(1).random((len(names), 64)) < 0.5
    return dup.similar_pairs(dup.Fingerprints.from_bits(names, bits), min_similarity=90)


@settings(deadline=None)
@given(pair_tables(), THRESHOLDS)
def test_the_strongest_edges_connect_what_all_pairs_connect(pairs, threshold):
    graph = PairGraph.read(pairs)
    first, second, similarity = strongest_edges(graph)
    near, kept = graph.at_or_above(threshold), similarity >= threshold
    n = len(graph.names)
    by_all = components(graph.first[near], graph.second[near], n)
    assert (components(first[kept], second[kept], n) == by_all).all()
    assert kept.sum() == n - len(np.unique(by_all))


class Page:
    """What an explorer sends to the browser."""

    def __init__(self, explorer):
        self.explorer, self.messages = explorer, []
        explorer.send = lambda content, buffers=None: self.messages.append((content, buffers))

    def ask(self, kind):
        self.explorer._on_message(None, {"type": kind}, [])
        return self.messages[-1]

    def joined(self):
        return [np.frombuffer(buffer, "<u4") for buffer in self.ask("joined")[1]]


@pytest.fixture
def explorer():
    made = dup.ThresholdExplorer(pair_table(PAIRS), threshold=85)
    yield made
    made.close()


@pytest.mark.parametrize("linkage", ["star", "connected", "complete"])
def test_the_browser_gets_the_groups_of_python(explorer, linkage):
    explorer.linkage = linkage
    for threshold in (100, 90, 85, 70):
        explorer.threshold = threshold
        images, sizes, lines = Page(explorer).joined()
        names = np.array(explorer.graph.names)[images]
        groups = [list(group) for group in np.split(names, np.cumsum(sizes))[:-1]]
        assert groups == list(explorer.groups)
        if linkage == "connected":
            ends = lines.reshape(-1, 2)
            assert len(ends) == len(images) - len(sizes)
            assert set(ends.ravel()) == set(images)
        else:
            assert not len(lines)


def test_positions_are_numbered_anew_when_the_method_changes():
    tables = {"one": pair_table(PAIRS), "two": pair_table(PAIRS[:2])}
    explorer = dup.ThresholdExplorer(tables)
    page = Page(explorer)
    content, [places] = page.ask("map")
    assert np.frombuffer(places, "<f4").shape == (10,)
    assert page.ask("joined")[0]["of"] == content["of"]
    explorer.method = "two"
    assert page.ask("joined")[0]["of"] != content["of"]
    assert np.frombuffer(page.ask("map")[1][0], "<f4").shape == (6,)
    explorer.close()


def test_the_map_as_a_table_has_the_groups_of_the_threshold(explorer):
    table = explorer.map().set_index("image")
    assert explorer.shows_map
    assert len(explorer.groups) == 2
    for number, group in enumerate(explorer.groups, 1):
        assert sorted(table.index[table.group == number]) == sorted(group)


def test_a_lasso_shows_the_groups_that_it_touches(explorer):
    explorer.set_state({"lassoed": [explorer.graph.names.index("e")], "asked": 1})
    assert explorer.within == ("e",)
    assert [list(explorer.groups)[number - 1] for number in explorer.shown] == [["d", "e"]]
    explorer.set_state({"lassoed": []})
    assert len(explorer.shown) == len(explorer.groups) == 2


def test_python_chooses_images_by_name_and_the_browser_gets_their_numbers(explorer):
    explorer.within = ["e", "nobody"]
    assert [explorer.graph.names[number] for number in explorer.lassoed] == ["e"]
    assert len(explorer.shown) == 1
    explorer.within = ()
    assert explorer.lassoed == []


def test_what_the_browser_may_not_send_is_refused(explorer):
    explorer.set_state({"lassoed": [-1, 99, 0]})
    assert explorer.within == (explorer.graph.names[0],)
    with pytest.raises(traitlets.TraitError, match="within"):
        explorer.within = 3


def test_a_page_has_the_positions_of_all_images_of_an_explorer_and_none_of_a_plan(tmp_path):
    for name in ("one.png", "two.png"):
        Image.radial_gradient("L").save(tmp_path / name)
    images = dup.scan_images(tmp_path)
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    explorer = dup.ThresholdExplorer(pairs, images)
    page = explorer.save_html(tmp_path / "explorer.html").read_text("utf-8")
    assert len(data_of(page)["methods"]["phash"]["map"]["places"]) == 4
    explorer.close()
    plan = dup.choose_keepers(dup.group_duplicates(pairs, 90), images)
    page = dup.write_report(tmp_path / "plan.html", plan).read_text("utf-8")
    assert "map" not in data_of(page)["methods"]["plan"]


# -- vectors ---------------------------------------------------------------------------------------


def families(n_families=12, n_each=5):
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(n_families, 16)), n_each, 0)
    vectors += 0.05 * rng.normal(size=vectors.shape)
    names = [f"{family:02d}-{k}.jpg" for family in range(n_families) for k in range(n_each)]
    return dup.Fingerprints.from_vectors(names, vectors, "model")


def test_vectors_of_one_family_lie_near_each_other_and_always_at_the_same_place():
    prints = families()
    explorer = dup.ThresholdExplorer(dup.similar_pairs(prints, min_similarity=70))
    table = explorer.map(prints)
    places = table[["x", "y"]].to_numpy()
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    family = table.image.str[:2].to_numpy()
    assert (family[apart.argmin(1)] == family).mean() > 0.9
    assert Page(explorer).ask("map")[0]["by"] == "model"
    assert explorer.map(prints).equals(table)
    assert not explorer.map().equals(table)
    explorer.close()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_vectors_have_places(n):
    prints = dup.Fingerprints.from_vectors(list("abc")[:n], np.eye(3)[:n])
    explorer = dup.ThresholdExplorer(dup.similar_pairs(prints, min_similarity=70))
    table = explorer.map(prints)
    assert len(table) == n
    assert np.isfinite(table[["x", "y"]]).all(axis=None)
    explorer.close()


def test_images_without_a_vector_are_not_on_the_map():
    prints = families()
    explorer = dup.ThresholdExplorer(dup.similar_pairs(prints, min_similarity=70))
    some = dup.Fingerprints.from_vectors(["00-0.jpg", "00-1.jpg", "other"], np.eye(3))
    assert explorer.map(some).image.tolist() == ["00-0.jpg", "00-1.jpg"]
    explorer.close()


def test_a_map_of_hashes_by_vectors_is_refused(explorer):
    bits = dup.Fingerprints.from_bits(["a"], [[True] * 64])
    with pytest.raises(ValueError, match="must be vectors, and these are of phash"):
        explorer.map(bits)
    with pytest.raises(TypeError, match="fingerprints"):
        explorer.map([[1.0]])
    with pytest.raises(ValueError, match="none of them is"):
        explorer.map(dup.Fingerprints.from_vectors(["other"], [[1.0, 0.0]]))


def test_without_umap_the_way_to_get_it_is_said(explorer, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    prints = dup.Fingerprints.from_vectors(["a", "b"], np.eye(2))
    with pytest.raises(ImportError, match=r'pip install "imgdup-nb\[map\]"'):
        explorer.map(prints)
    assert len(explorer.map()) == 5
