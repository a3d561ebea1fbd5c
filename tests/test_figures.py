"""Figures have a text for those who do not see them, and can be read on light and dark pages."""

import base64
import html
import io
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine.figures import INK, MAX_ALT, set_alt_text

PLOTS = sorted(name for name in dup.__all__ if name.startswith("plot_"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a function that draws the figure of a public name on a figure of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    for k in range(3):
        noise = np.random.default_rng(k // 2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((160, 160)).save(folder / f"{k} $x$.png")
    images = dup.scan_images(folder)
    prints = dup.fingerprint_images(images)
    pairs = dup.similar_pairs(prints)
    groups = dup.group_duplicates(pairs, 90)
    truth = {name: int(name[0]) // 2 for name in images.image}
    scores = dup.score_thresholds(pairs, truth)
    labels = scores.assign(precision_low=0.4, precision_high=1.0)
    found = pd.DataFrame({"image": images.image[:2], "similarity": [96.875, 75.0]})
    arguments = {
        "plot_calibration": lambda: (dup.calibrate(images, variations=["jpeg 85"]), 90),
        "plot_changes": lambda: (images, pairs),
        "plot_costs": lambda: (scores,),
        "plot_group": lambda: (images, groups),
        "plot_label_scores": lambda: (labels, 90),
        "plot_matches": lambda: (images, images.image[0], found),
        "plot_matrix": lambda: (dup.similarity_matrix(prints),),
        "plot_pairs": lambda: (images, pairs),
        "plot_precision_recall": lambda: (scores, 90),
        "plot_similarities": lambda: (pairs, 90),
        "plot_sweep": lambda: (dup.sweep_thresholds(pairs), 90),
        "plot_tool_defaults": lambda: (pairs,),
        "plot_true_and_false": lambda: (pairs, truth),
    }
    return lambda name, **options: getattr(dup, name)(*arguments[name](), **options)


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn: pyplot keeps its figures."""
    yield
    plt.close("all")


def alt_of(figure):
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == metadata["alt"] == metadata["image/png"]["alt"]
    return metadata["alt"]


@pytest.mark.parametrize("name", PLOTS)
def test_each_figure_has_a_text_and_no_ground_of_its_own(drawn, name):
    figure = drawn(name).figure
    assert 20 < len(alt_of(figure)) <= MAX_ALT
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert Image.open(file).convert("RGBA").getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("name", ["plot_similarities", "plot_group"])
def test_a_notebook_lays_no_white_below_a_figure(drawn, name):
    from matplotlib_inline.backend_inline import _fetch_figure_metadata

    assert _fetch_figure_metadata(drawn(name).figure) is None


def test_the_text_has_the_numbers_of_the_figure(drawn):
    assert alt_of(drawn("plot_similarities").figure) == (
        "Bars: 1 pair by similarity (phash), from 70 to 100 %. 1 at 90 % or more."
    )
    assert "At 90.625 %: pairs 1, groups 1, images 2" in alt_of(drawn("plot_sweep").figure)


def test_a_figure_of_the_user_keeps_its_colours_and_has_the_texts_of_all_its_parts(drawn):
    figure, (left, right) = plt.subplots(1, 2)
    drawn("plot_similarities", ax=left)
    drawn("plot_sweep", ax=right)
    text = alt_of(figure)
    assert text.startswith("Bars:")
    assert "Curves:" in text
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert left.xaxis.label.get_color() == "black"


def test_a_cleared_figure_says_nothing_of_what_it_showed(drawn):
    figure = drawn("plot_similarities").figure
    figure.clear()
    assert figure._repr_mimebundle_() == ({}, {})


def test_colours_that_somebody_has_chosen_are_used(drawn):
    with plt.style.context("dark_background"):
        ax = drawn("plot_similarities")
    assert ax.figure.get_facecolor() == (0.0, 0.0, 0.0, 1.0)
    assert ax.xaxis.label.get_color() == "white"


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were(drawn):
    before = dict(plt.rcParams)
    ax = drawn("plot_similarities")
    assert dict(plt.rcParams) == before
    assert ax.xaxis.label.get_color() == INK


def test_a_figure_with_a_text_can_be_pickled(drawn):
    figure = drawn("plot_similarities").figure
    assert alt_of(pickle.loads(pickle.dumps(figure))) == alt_of(figure)


def test_the_classic_html_of_nbconvert_shows_the_text_as_alt(drawn):
    file = io.BytesIO()
    figure = drawn("plot_pairs").figure
    figure.savefig(file, format="png")
    set_alt_text(figure.axes[0], "Pictures of a<b> & c.")
    data, metadata = figure._repr_mimebundle_()
    picture = base64.b64encode(file.getvalue()).decode("ascii")
    shown = new_output("display_data", {**data, "image/png": picture}, metadata=metadata)
    notebook = new_notebook(cells=[new_code_cell("ax", outputs=[shown])])
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    [alt] = re.findall(r'<img[^>]*?alt="([^"]*)"', page, re.S)
    assert html.unescape(alt) == "Pictures of a<b> & c."
