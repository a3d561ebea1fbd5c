"""The site of the project, built anew and opened as files, without a server."""

import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

PROJECT = Path(__file__).parents[2]
PAGES = [
    "index.html",
    "notebooks/02_find_duplicates.html",
    "reference/tables.html",
    "gallery/index.html",
    "docs/architecture.html",
    "docs/glossary.html",
    "docs/what-it-finds.html",
    "notebooks/08_growing_folders.html",
]
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "preload": False,  # of style sheets, which a browser refuses to read from files
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site; a warning or a link that leads nowhere fails here."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "tools/build_docs.py", "--out", str(folder)],
        cwd=PROJECT,
        check=True,
        timeout=600,
    )
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits_a_phone(site, page, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto((site / name).as_uri())
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options=RULES)
    assert not found.response["violations"], found.generate_report()


def test_the_search_finds_a_function_without_a_network(site, page):
    page.goto((site / "search.html").as_uri() + "?q=scan_images")
    results = page.locator("#search-results li")
    results.filter(has_text="scan_images").first.wait_for()


def test_the_start_page_holds_an_explorer_that_moves(site, page):
    page.goto((site / "index.html").as_uri())
    explorer = page.frame_locator("iframe.explorer")
    explorer.get_by_text("10 groups", exact=True).wait_for()
    explorer.get_by_role("button", name="95", exact=True).click()
    explorer.get_by_text("9 groups", exact=True).wait_for()
