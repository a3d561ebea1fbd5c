"""Build the site: ``python tools/build_docs.py`` writes ``build/docs/index.html``.

The pages are those of the repository, laid out in ``build/docs-source`` as they lie here, so that
their links hold in both places: ``docs/*.md``, the notebooks with the outputs stored in them, the
changes. Three kinds of page are made: the reference, one page for each subject; the gallery; and
the start page with its contents. Warnings of Sphinx are errors, and so is a link or an anchor of
the finished site that leads nowhere. The site asks nobody else for anything.
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pandas import DataFrame
from PIL import Image

import imgdup_nb

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

# Pages of the reference: title, one line, and the modules whose public names they show.
REFERENCE = {
    "tables": (
        "From a folder to groups",
        "The five tables of every search for duplicates, and the call that makes them all.",
        ["images", "fingerprints", "pairs", "groups", "sweep", "find"],
    ),
    "methods": (
        "Methods",
        "Hashes, local features, neural networks, and two pictures compared.",
        ["methods", "embeddings", "aligned", "compare"],
    ),
    "evidence": (
        "Evidence for a threshold",
        "Truth, answers, known copies, and the decision that follows.",
        ["evidence"],
    ),
    "review": (
        "Review and clean up",
        "Plans, acts, undo and reports.",
        ["review"],
    ),
    "collection": ("A folder that is remembered", "Collections.", ["collection"]),
    "datasets": ("Data sets", "Leaks between splits, contradicting labels.", ["datasets"]),
    "widgets": ("Tools in a notebook", "Explorer, viewer, labeler, reviewer.", ["widgets"]),
    "plots": ("Figures", "One figure for each table.", ["plots"]),
    "demo": ("The demo collection", "Real pictures with known copies.", ["demo"]),
    "errors": ("Exceptions", "What is raised, and what to do then.", []),
}
PAGES = {  # of docs/, in the order of the contents; all others follow
    "Use": [
        "install",
        "what-it-can-do",
        "sources",
        "recipes",
        "page",
        "command-line",
        "server",
        "scale",
    ],
    "Look up": [
        "cheat-sheet",
        "tables",
        "glossary",
        "exceptions",
        "what-it-finds",
        "performance",
        "which-tool",
    ],
    "Understand": ["architecture", "threat-model"],
}
SCROLLING = re.compile(r'<(pre(?=[ >])|div(?= class="table-wrapper)|table(?= [^>]*"dataframe))')
OTHER_PAGES = ["CHANGELOG.md", "LICENSE", "notebooks/README.md"]
N_COLUMNS_OF_THUMBNAIL = 480


def main() -> None:
    """Lay out the pages, build them, and check the links."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=BUILD / "docs", help="where the site goes")
    options = parser.parse_args()
    source = BUILD / "docs-source"
    shutil.rmtree(source, ignore_errors=True)
    lay_out(source)
    subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "html", "--quiet"),
            *("--fail-on-warning", "--keep-going", "--jobs", "auto"),
            *("--doctree-dir", str(BUILD / "doctrees"), str(source), str(options.out)),
        ],
        check=True,
    )
    for path in options.out.rglob("*.html"):
        path.write_text(open_to_keys(path.read_text("utf-8")), "utf-8")
    broken = find_broken_links(options.out)
    for page, link in broken:
        print(f"{page}: {link} leads nowhere", file=sys.stderr)
    print(f"{len(list(options.out.rglob('*.html')))} pages in {options.out}")
    sys.exit(bool(broken))


def lay_out(source: Path) -> None:
    """Write all pages of the site below `source`, in the places that they have here."""
    source.mkdir(parents=True)
    for name in ("conf.py", "_static", "index.md"):
        copy = shutil.copytree if (ROOT / "docs/site" / name).is_dir() else shutil.copyfile
        copy(ROOT / "docs/site" / name, source / name)
    for page in [*ROOT.glob("docs/[!.]*.*"), *map(ROOT.joinpath, OTHER_PAGES)]:
        target = source / page.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(page, target)
        if page.suffix == ".md":
            text = re.sub(
                r'^<a id="([\w-]+)"></a>', r"(\1)=\n", page.read_text("utf-8"), flags=re.M
            )
            target.write_text(text, "utf-8")
    architecture = source / "docs/architecture.md"
    architecture.write_text(draw_rooms(architecture.read_text("utf-8")), "utf-8")
    lessons = [lay_out_notebook(path, source) for path in sorted(ROOT.glob("notebooks/*.ipynb"))]
    for path in sorted(ROOT.glob("notebooks/solutions/*.ipynb")):
        lay_out_notebook(path, source)
    truth, pairs, prints = lay_out_explorer(source)
    lay_out_reference(source)
    lay_out_gallery(source, lessons, draw_others(truth, pairs, prints))
    lay_out_contents(source, lessons)


def draw_rooms(text: str) -> str:
    """Return a page whose diagram is a list, which needs no program in the reader's browser."""

    def to_list(diagram: re.Match[str]) -> str:
        boxes = re.findall(r'\w+\["(.+?)<br/>(.+?)"\]', diagram[1])
        items = "".join(
            f"<li><strong>{name}</strong><small>{what}</small></li>\n" for name, what in boxes
        )
        return f'<ol class="rooms">\n{items}</ol>\n'

    return re.sub(r"```mermaid\n(.*?)```\n", to_list, text, flags=re.DOTALL)


# -- the notebooks ---------------------------------------------------------------------------------


@dataclass
class Lesson:
    """A notebook: its page, and the first figure that each public name draws in it."""

    page: str
    figures: dict[str, bytes] = field(default_factory=dict)


def lay_out_notebook(path: Path, source: Path) -> Lesson:
    """Copy a notebook; each of its figures gets a text for those who do not see it."""
    lesson = Lesson(path.relative_to(ROOT).with_suffix("").as_posix())
    notebook = json.loads(path.read_text("utf-8"))
    before = ""
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            before = text
            continue
        shown = [
            output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
        ]
        pictures = [output["data"]["image/png"] for output in shown]
        if pictures:
            said = shown[0].get("metadata", {}).get("image/png", {}).get("alt")
            alt = said or describe_figure(text, before)
            cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
            for name in re.findall(
                r"\bdup\.(plot_\w+|[A-Z]\w+(?:Explorer|Reviewer|Viewer|Labeler))"
                r"\(",
                text,
            ):
                lesson.figures.setdefault(name, base64.b64decode("".join(pictures[0])))
    target = source / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook), "utf-8")
    return lesson


def describe_figure(code: str, before: str) -> str:
    """Return what a figure shows: the first sentence of its function, and the text before it."""
    names = re.findall(r"\bdup\.(\w+)\(", code)
    about = next(
        (
            (getattr(imgdup_nb, name).__doc__ or "").splitlines()[0]
            for name in names[::-1]
            if name.startswith("plot_") or name[0].isupper()
        ),
        "A figure of this lesson.",
    )
    lines = [line for line in re.sub(r"[`*#\[\]]", "", before).splitlines() if line.strip()]
    return f"{about} {lines[-1].strip() if lines else ''}".strip()


# -- pages that are made ---------------------------------------------------------------------------


def lay_out_explorer(source: Path) -> tuple[DataFrame, DataFrame, imgdup_nb.Fingerprints]:
    """Write the explorer of the demo collection as a page of its own; the start page shows it.

    Returns the truth, the pairs and the fingerprints of the collection.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*could not be read")  # four on purpose
        truth = imgdup_nb.make_demo_collection(folder)
        images = imgdup_nb.scan_images(folder)
        prints = imgdup_nb.fingerprint_images(images)
        pairs = imgdup_nb.similar_pairs(prints, min_similarity=50)
        imgdup_nb.ThresholdExplorer(pairs, images).save_html(source / "_static" / "explorer.html")
    return truth, pairs, prints


def draw_others(
    truth: DataFrame, pairs: DataFrame, prints: imgdup_nb.Fingerprints
) -> dict[str, tuple[str, bytes]]:
    """Return figures of the demo that no lesson need show: name, page to read, picture."""
    few = list(imgdup_nb.group_duplicates(pairs, 90))[-4:]
    names = [name for group in few for name in group]
    matrix = imgdup_nb.similarity_matrix(prints).loc[names, names]
    threshold, evidence = "notebooks/03_choose_a_threshold", "notebooks/06_evidence"
    drawn = {
        "plot_sweep": (threshold, imgdup_nb.plot_sweep(imgdup_nb.sweep_thresholds(pairs), 90)),
        "plot_matrix": (threshold, imgdup_nb.plot_matrix(matrix, few)),
        "plot_true_and_false": (evidence, imgdup_nb.plot_true_and_false(pairs, truth, 90)),
    }
    figures = {}
    for name, (page, ax) in drawn.items():
        file = BytesIO()
        ax.figure.savefig(file, format="png", transparent=True)
        figures[name] = (page, file.getvalue())
    return figures


def lay_out_reference(source: Path) -> None:
    """Write the pages of the reference; every public name is on exactly one of them."""
    folder = source / "reference"
    folder.mkdir()
    left = set(imgdup_nb.__all__)
    rows = []
    for page, (title, line, rooms) in REFERENCE.items():
        names = [name for name in imgdup_nb.__all__ if name in left and belongs(name, page, rooms)]
        left -= set(names)
        body = "\n".join(describe_name(name) for name in names)
        folder.joinpath(f"{page}.md").write_text(f"# {title}\n\n{line}\n\n{body}", "utf-8")
        listed = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| [{title}]({page}.md) | {listed} |")
    if left:
        raise ValueError(f"no page of the reference shows {', '.join(sorted(left))}")
    table = "\n".join(["| page | names |", "|---|---|", *rows])
    contents = "\n".join(REFERENCE)
    folder.joinpath("index.md").write_text(
        f"# Reference\n\n`import imgdup_nb as dup` gives these names, and no others.\n\n{table}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{contents}\n```\n",
        "utf-8",
    )


def belongs(name: str, page: str, rooms: list[str]) -> bool:
    """Tell whether a public name is shown on a page of the reference."""
    thing = getattr(imgdup_nb, name)
    if isinstance(thing, type) and issubclass(thing, Exception):
        return page == "errors"
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.split(".")[1] in rooms


def describe_name(name: str) -> str:
    """Return the lines that show one public name."""
    thing = getattr(imgdup_nb, name)
    kind = "class" if isinstance(thing, type) else "function" if callable(thing) else "data"
    return f"```{{eval-rst}}\n.. auto{kind}:: imgdup_nb.{name}\n```\n"


def lay_out_gallery(
    source: Path, lessons: list[Lesson], others: dict[str, tuple[str, bytes]]
) -> None:
    """Write a page of thumbnails, one for each figure and tool: those of the lessons first."""
    folder = source / "gallery"
    folder.mkdir()
    shown: dict[str, tuple[str, bytes]] = {}
    for lesson in lessons:
        for name, figure in lesson.figures.items():
            shown.setdefault(name, (lesson.page, figure))
    items = []
    for name, (lesson_page, figure) in (others | shown).items():
        picture = Image.open(BytesIO(figure)).convert("RGBA")
        picture.thumbnail((N_COLUMNS_OF_THUMBNAIL, 2 * N_COLUMNS_OF_THUMBNAIL))
        picture.save(folder / f"{name}.png", optimize=True)
        what = (getattr(imgdup_nb, name).__doc__ or "").splitlines()[0]
        where = next(page for page, entry in REFERENCE.items() if belongs(name, page, entry[2]))
        items.append(
            f":::{{grid-item-card}} {name}\n:img-top: {name}.png\n:img-alt: {what}\n\n"
            f"{what}\n\n"
            f"[In a lesson](../{lesson_page}.ipynb) · "
            f"[Reference](../reference/{where}.md)\n:::\n"
        )
    body = "\n".join(items)
    folder.joinpath("index.md").write_text(
        "# Gallery\n\nEach figure and each tool, with a lesson about it.\n\n"
        f"::::{{grid}} 1 2 3 3\n:gutter: 3\n\n{body}\n::::\n",
        "utf-8",
    )


def lay_out_contents(source: Path, lessons: list[Lesson]) -> None:
    """Write the contents of the site at the end of the start page."""
    known = {name for names in PAGES.values() for name in names}
    others = sorted(path.stem for path in ROOT.glob("docs/*.md") if path.stem not in known)
    groups = {"Lessons": ["notebooks/README", *(lesson.page for lesson in lessons)]}
    for title, names in PAGES.items():
        groups[title] = [f"docs/{name}" for name in names if (ROOT / f"docs/{name}.md").exists()]
    groups["Look up"] += ["reference/index", "gallery/index", *(f"docs/{name}" for name in others)]
    groups["Understand"] += ["CHANGELOG"]
    index = source / "index.md"
    trees = "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n"
        for title, pages in groups.items()
    )
    index.write_text(index.read_text("utf-8") + trees, "utf-8")
    solutions = sorted(path.stem for path in source.glob("notebooks/solutions/*.ipynb"))
    for name in solutions:  # reached from their lessons, and not in the contents
        path = source / f"notebooks/solutions/{name}.ipynb"
        notebook = json.loads(path.read_text("utf-8"))
        notebook["metadata"]["orphan"] = True
        path.write_text(json.dumps(notebook), "utf-8")


def open_to_keys(page: str) -> str:
    """Return a page in which whatever scrolls can be reached by the Tab key.

    Captions of the contents lose a role that is incomplete without a level.
    """
    page = SCROLLING.sub(r'<\1 tabindex="0"', page)
    return page.replace('class="caption" role="heading">', 'class="caption">')


# -- links -----------------------------------------------------------------------------------------


class Links(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag links to and which anchor it is."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value and tag != "base":
                self.links.append(value)


def find_broken_links(site: Path) -> list[tuple[str, str]]:
    """Return page and link of every link within the site that leads nowhere."""
    pages: dict[Path, Links] = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = Links()
        pages[path].feed(path.read_text("utf-8"))
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(html.unescape(link))
            if parts.scheme or parts.netloc:
                continue
            target = Path(os.path.normpath(path.parent / unquote(parts.path)))
            target = path if not parts.path else target
            target = target / "index.html" if target.is_dir() else target
            is_there = target.exists() and (
                not parts.fragment
                or target not in pages
                or unquote(parts.fragment) in pages[target].anchors
            )
            if not is_there:
                broken.append((path.relative_to(site).as_posix(), link))
    return broken


if __name__ == "__main__":
    main()
