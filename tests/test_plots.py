"""Figures, seen through their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import imgdup_nb as dup
import made_pairs
from imgdup_nb.plots.tables import draw_summary
from imgdup_nb.sweep import count_by_level, real_levels

HOSTILE = [
    "$\\frac$<script>.jpg",
    "a$b$c.jpg",
    "line\nbreak.jpg",
    "\u202egpj.exe.jpg",
    "x" * 300 + ".jpg",
]


def pairs_of(names, min_similarity=70, method="phash"):
    bits = np.zeros((len(names), dup.METHODS[method].bits), dtype=bool)
    bits[-1, :6] = True
    return dup.similar_pairs(
        dup.Fingerprints.from_bits(names, bits, method), min_similarity=min_similarity
    )


@pytest.fixture
def ax():
    return Figure().subplots()


def test_the_histogram_has_one_bar_per_real_level_with_the_right_count(ax):
    pairs = pairs_of(["a", "b", "c"])
    dup.plot_similarities(pairs, ax=ax)
    bars = ax.containers[0]
    counts = {round(bar.get_x(), 3): bar.get_height() for bar in bars}
    assert list(counts) == list(np.round(real_levels(pairs), 3))
    assert counts[100.0] == 1
    assert counts[90.625] == 2
    assert sum(counts.values()) == len(pairs)


def test_bars_count_every_pair_once_whatever_the_levels():
    rng = np.random.default_rng(0)
    similarity = rng.choice(np.linspace(70, 100, 200), 500)
    levels = np.arange(100.0, 69.9, -0.5)
    counts = count_by_level(similarity, levels)
    plain = [sum(level <= value < level + 0.5 for value in similarity) for level in levels]
    assert counts.tolist() == plain


def test_three_duplicates_are_seen_beside_a_million_unrelated_pairs(ax):
    pairs = pairs_of([str(k) for k in range(3)], method="dhash")
    unrelated = pairs.take(np.zeros(1_000_000, dtype=int)).assign(similarity=71.875)
    both = pd.concat([pairs, unrelated], ignore_index=True)
    both.attrs = pairs.attrs
    dup.plot_similarities(both, ax=ax)
    low, high = ax.get_ylim()
    tallest = ax.transLimits.transform(ax.transScale.transform([(0, 2)]))[0, 1]
    assert high > 1_000_000 > low == 0
    assert tallest > 0.05


def test_bars_below_the_threshold_are_grey_and_the_line_stands_at_the_percent_asked_for(ax):
    pairs = pairs_of(["a", "b", "c"])
    dup.plot_similarities(pairs, 90, ax=ax)
    line = ax.lines[0].get_xdata()[0]
    bars = {bar.get_x(): bar for bar in ax.containers[0]}
    assert line == 90
    assert bars[87.5].get_x() + bars[87.5].get_width() <= 90
    blue, grey = bars[90.625].get_facecolor(), bars[87.5].get_facecolor()
    assert blue != grey
    assert bars[100.0].get_facecolor() == blue


def test_the_bands_of_the_tutorial_are_named(ax):
    dup.plot_similarities(pairs_of(["a", "b"], min_similarity=40), ax=ax)
    texts = " ".join(text.get_text() for text in ax.texts)
    for band in (
        "90\N{EN DASH}100",
        "80\N{EN DASH}89",
        "70\N{EN DASH}79",
        "below 70",
        "not recommended",
    ):
        assert band in texts


def test_the_curves_are_steps_that_hold_the_count_of_the_next_stricter_level(ax):
    sweep = dup.sweep_thresholds(pairs_of(["a", "b", "c"]))
    dup.plot_sweep(sweep, ax=ax)
    (line,) = [line for line in ax.lines if line.get_label() == "images"]
    assert line.get_drawstyle() == "steps-pre"
    assert dict(zip(*line.get_data(), strict=True))[90.625] == 3


def test_the_matrix_puts_the_images_of_a_group_side_by_side_and_frames_them(ax):
    prints = dup.Fingerprints.from_bits(["a", "b", "c"], [[True] * 64, [False] * 64, [True] * 64])
    groups = dup.group_duplicates(dup.similar_pairs(prints))
    dup.plot_matrix(dup.similarity_matrix(prints), groups, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "c", "b"]
    assert ax.images[0].get_array()[0, 1] == 100
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_width()) == (-0.5, 2)


def test_a_large_matrix_counts_its_images_instead_of_naming_them(ax):
    names = [str(k) for k in range(60)]
    dup.plot_matrix(pd.DataFrame(np.full((60, 60), 100.0), index=names, columns=names), ax=ax)
    assert ax.get_xlabel() == "60 images"


@pytest.fixture
def hostile(tmp_path):
    paths = []
    for k, _ in enumerate(HOSTILE):
        paths.append(str(tmp_path / f"{k}.png"))
        Image.new("RGB", (30 + 10 * k, 40), "teal").save(paths[-1])
    (tmp_path / "0.png").unlink()
    return pd.DataFrame({"image": pd.Series(HOSTILE, dtype=object), "path": paths})


def test_every_figure_draws_hostile_names_as_text(hostile, tmp_path):
    prints = dup.Fingerprints.from_bits(HOSTILE, np.zeros((len(HOSTILE), 64), dtype=bool))
    pairs = dup.similar_pairs(prints)
    groups = dup.group_duplicates(pairs)
    figure = Figure(figsize=(8, 12))
    axes = figure.subplots(2)
    dup.plot_matrix(dup.similarity_matrix(prints), groups, ax=axes[0])
    dup.plot_group(hostile, groups, ax=axes[1])
    figure.savefig(tmp_path / "figure.png")
    draw_summary(pairs, dup.sweep_thresholds(pairs), groups).savefig(tmp_path / "summary.png")


def test_a_contact_sheet_shows_every_picture_its_score_and_what_is_broken(hostile, ax):
    pairs = pairs_of(HOSTILE)
    dup.plot_group(hostile, dup.group_duplicates(pairs), ax=ax)
    assert len(ax.images) == len(HOSTILE) - 1
    texts = " ".join(text.get_text() for text in ax.texts)
    assert "original" in texts
    assert "100.0 %" in texts
    assert "gone" in texts


def test_matches_stand_beside_their_query_and_what_is_below_the_threshold_is_pale(
    hostile, ax, tmp_path
):
    images = pd.DataFrame(
        {"image": pd.Series(HOSTILE, dtype=object), "similarity": [100.0, 96.875, 90.0, 89.9, 71.0]}
    )
    Image.new("RGB", (20, 40), "navy").save(tmp_path / "$a$ query.png")
    dup.plot_matches(hostile, tmp_path / "$a$ query.png", images, threshold=90, ax=ax)
    assert ax.get_title(loc="left") == "$a$ query.png: 3 of 5 similar images at 90 % or more"
    assert [image.get_alpha() for image in ax.images] == [
        None,
        None,
        None,
        0.35,
        0.35,
    ]  # the query, and all that are there
    [line] = ax.lines
    assert line.get_xdata()[0] == pytest.approx(4 - 0.04)  # before the fifth tile
    ax.figure.savefig(tmp_path / "figure.png")


def test_matches_that_are_not_drawn_are_counted_and_none_are_said(hostile, ax):
    found = pd.DataFrame({"image": HOSTILE, "similarity": [100.0] * 5})
    dup.plot_matches(hostile, HOSTILE[1], found, 90, max_images=2, ax=ax)
    assert ax.get_title(loc="left").endswith(
        "5 of 5 similar images at 90 % or more, 3 more not drawn"
    )
    assert not ax.lines
    dup.plot_matches(hostile, HOSTILE[1], found.head(0), 90, ax=ax)
    assert "0 of 0 similar images" in ax.get_title(loc="left")
    with pytest.raises(TypeError, match="found must be a table made by"):
        dup.plot_matches(hostile, HOSTILE[1], "cat.png", ax=ax)


def test_a_group_that_does_not_exist_is_refused(hostile, ax):
    groups = dup.group_duplicates(pairs_of(HOSTILE))
    with pytest.raises(ValueError, match="group must be from 1 to 1, and 2 is not"):
        dup.plot_group(hostile, groups, 2, ax=ax)


@pytest.mark.parametrize("names", [[], ["a"]])
def test_an_empty_collection_makes_empty_figures(names, tmp_path):
    bits = np.zeros((len(names), 64), dtype=bool)
    prints = dup.Fingerprints.from_bits(names, bits)
    pairs = dup.similar_pairs(prints)
    figure = Figure()
    axes = figure.subplots(3)
    dup.plot_similarities(pairs, 90, ax=axes[0])
    dup.plot_sweep(dup.sweep_thresholds(pairs), ax=axes[1])
    if names:
        dup.plot_matrix(dup.similarity_matrix(prints), ax=axes[2])
    figure.savefig(tmp_path / "figure.png")
    draw_summary(pairs, dup.sweep_thresholds(pairs), dup.group_duplicates(pairs)).savefig(
        tmp_path / "summary.png"
    )


def test_without_axes_a_function_makes_a_figure_that_a_notebook_shows():
    from matplotlib import pyplot

    ax = dup.plot_similarities(pairs_of(["a", "b"]))
    assert ax.figure.number in pyplot.get_fignums()
    pyplot.close(ax.figure)


def test_pyplot_is_not_imported_with_the_package():
    import subprocess
    import sys

    check = "import sys, imgdup_nb; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.fixture
def three(tmp_path):
    """Three pictures, and pairs: b joins a at 90, c joins at 80."""
    for k, name in enumerate("abc"):
        Image.new("RGB", (80, 60), (60 * k, 90, 200)).save(tmp_path / f"{name}.png")
    names = ["a.png", "b.png", "c.png"]
    images = pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": [str(tmp_path / name) for name in names]}
    )
    return images, made_pairs.pairs_of(names, [0, 6, 12])


def test_pairs_are_drawn_as_two_pictures_each_and_the_others_are_counted(ax, three):
    images, pairs = three
    dup.plot_pairs(images, pairs, max_pairs=2, ax=ax)
    assert len(ax.images) == 4
    assert ax.get_title(loc="left") == "3 pairs, 81.2 to 90.6 % similar; 1 more not shown"


@pytest.mark.parametrize("rows", [0, 1])
def test_few_pairs_are_a_short_sheet(ax, three, rows):
    images, pairs = three
    dup.plot_pairs(images, pairs.head(rows), ax=ax)
    assert len(ax.images) == 2 * rows


def test_changes_are_drawn_with_what_joins_at_each_threshold(ax, three):
    images, pairs = three
    dup.plot_changes(images, pairs, (95, 90, 80), ax=ax)
    texts = [text.get_text() for text in ax.texts]
    assert "95 \N{RIGHTWARDS ARROW} 90 %: 1 born" in texts
    assert "90 \N{RIGHTWARDS ARROW} 80 %: 1 grown" in texts
    assert any(text.startswith("c.png\njoins at 81.2 %") for text in texts)
    assert len(ax.images) == 2 + 3


def test_one_threshold_has_no_changes_to_draw(ax, three):
    with pytest.raises(ValueError, match="two or more different percentages"):
        dup.plot_changes(*three, (90, 90), ax=ax)


def test_figures_of_no_images_are_drawn_without_a_warning():
    prints = dup.Fingerprints.from_bits([], np.zeros((0, 64), dtype=bool))
    pairs = dup.similar_pairs(prints)
    scores = dup.score_thresholds(pairs, {})
    for ax in (dup.plot_matrix(dup.similarity_matrix(prints)), dup.plot_costs(scores)):
        ax.figure.canvas.draw()
        assert ax.get_legend() is None
    with pytest.raises(ValueError, match="grouping has no groups, so none can be drawn"):
        dup.plot_group(pd.DataFrame({"image": [], "path": []}), dup.group_duplicates(pairs, 90))


def test_axes_that_are_none_are_refused_by_each_figure():
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], np.zeros((2, 64), dtype=bool)))
    several = Figure().subplots(1, 2)
    for wrong, kind in ((several, "ndarray"), (3, "int"), (Figure(), "Figure")):
        with pytest.raises(TypeError, match=f"ax must be one Axes of matplotlib.*not {kind}"):
            dup.plot_similarities(pairs, ax=wrong)
        with pytest.raises(TypeError, match=f"ax must be one Axes of matplotlib.*not {kind}"):
            dup.plot_pairs(pd.DataFrame({"image": ["a", "b"], "path": "none"}), pairs, ax=wrong)


@pytest.mark.parametrize("wrong", [None, 3, "50", [50], [(50, 1, 2)]])
def test_prices_that_are_no_pairs_are_refused(wrong):
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], np.zeros((2, 64), dtype=bool)))
    scores = dup.score_thresholds(pairs, {"a": 1, "b": 1})
    with pytest.raises((TypeError, ValueError), match="prices must"):
        dup.plot_costs(scores, wrong, ax=Figure().subplots())
