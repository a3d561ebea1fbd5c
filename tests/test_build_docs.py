"""The program that builds the site: names have pages, figures have texts, links are checked."""

import re

import pytest

import build_docs
import imgdup_nb as dup


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the folder that Sphinx builds from, laid out once, which takes seconds."""
    folder = tmp_path_factory.mktemp("docs") / "source"
    build_docs.lay_out(folder)
    return folder


def test_every_public_name_is_on_one_page_of_the_reference(source):
    text = "".join(path.read_text("utf-8") for path in source.glob("reference/*.md"))
    shown = re.findall(r"\.\. auto\w+:: imgdup_nb\.(\w+)", text)
    assert sorted(shown) == sorted(dup.__all__)


def test_a_name_without_a_page_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.delitem(build_docs.REFERENCE, "plots")
    with pytest.raises(ValueError, match="no page of the reference shows plot_"):
        build_docs.lay_out_reference(tmp_path)


def test_the_contents_list_every_page(source):
    index = (source / "index.md").read_text("utf-8")
    pages = {path.relative_to(source).as_posix() for path in source.glob("docs/*.md")}
    pages |= {path.relative_to(source).as_posix() for path in source.glob("notebooks/*.ipynb")}
    assert len(pages) > 15
    for page in pages:
        assert re.search(rf"^{re.escape(page.rsplit('.', 1)[0])}$", index, flags=re.MULTILINE), page


def test_the_diagram_of_the_rooms_becomes_a_list():
    text = (
        'before\n```mermaid\nflowchart TD\n  A["one<br/>first"]\n  B["two<br/>next"]\n```\nafter\n'
    )
    assert build_docs.draw_rooms(text) == (
        'before\n<ol class="rooms">\n<li><strong>one</strong><small>first</small></li>\n'
        "<li><strong>two</strong><small>next</small></li>\n</ol>\nafter\n"
    )


def test_a_figure_is_described_by_its_function_and_the_text_before_it():
    text = build_docs.describe_figure("ax = dup.plot_sweep(sweep)", "# Look\n\nThe **curves**:")
    assert text == f"{dup.plot_sweep.__doc__.splitlines()[0]} The curves:"


def test_links_and_anchors_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<h1 id="top">x</h1><a href="sub/page.html#here">1</a><a href="sub/page.html#gone">2</a>'
        '<a href="#top">3</a><a href="#bottom">4</a><img src="none.png"><a href="https://x.org/y">5'
    )
    (tmp_path / "sub" / "page.html").write_text('<p id="here"><a href="../index.html#top">6</a>')
    assert build_docs.find_broken_links(tmp_path) == [
        ("index.html", "sub/page.html#gone"),
        ("index.html", "#bottom"),
        ("index.html", "none.png"),
    ]


def test_the_gallery_shows_every_figure_and_every_tool_with_its_lesson(source):
    text = (source / "gallery/index.md").read_text("utf-8")
    tools = ["ThresholdExplorer", "PairViewer", "PairLabeler", "GroupReviewer"]
    names = [name for name in dup.__all__ if name.startswith("plot_")] + tools
    assert sorted(re.findall(r"grid-item-card\} (\w+)", text)) == sorted(names)
    for name in names:
        assert (source / f"gallery/{name}.png").is_file()
    assert text.count("[In a lesson](../notebooks/") == len(names)
