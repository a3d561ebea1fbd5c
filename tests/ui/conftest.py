"""Fixtures of the browser tests.

``browser``   one headless Chromium for the whole run
``page``      a fresh page; when the test ends, nothing may have gone wrong in it
``problems``  what went wrong so far; a test that causes a problem on purpose clears the list
``mount``     ``mount(widget)`` shows a widget without Jupyter and returns a ``bridge.Bridge``
``lab``       one JupyterLab for the whole run
``notebook``  ``notebook(path)`` opens a copy in the page, runs it and returns a ``labkit.Notebook``
"""

import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

import imgdup_nb as dup
from bridge import Bridge
from chromium import HOW_TO_INSTALL, LAUNCH_ARGUMENTS, find_chromium
from explorer_page import families
from labkit import Lab, Notebook

ARTIFACTS = Path(__file__).parent / "artifacts"
PATIENCE = 30_000  # milliseconds until a state must have come, also on a busy machine
expect.set_options(timeout=PATIENCE)


def is_on_this_machine(url):
    """Return whether a URL names this machine, or none, such as ``data:`` and ``blob:``."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss"):
        return True
    return parts.hostname in ("127.0.0.1", "localhost") or parts.hostname.endswith(".localhost")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep a picture of the page of a failed test, and the server's log with its report."""
    report = yield
    page = item.funcargs.get("page")
    if report.when == "call" and report.failed and page is not None:
        ARTIFACTS.mkdir(exist_ok=True)
        picture = ARTIFACTS / (re.sub(r"\W+", "-", item.name) + ".png")
        page.screenshot(path=picture)
        report.sections.append(("picture of the page", str(picture)))
        if "lab" in item.funcargs:
            report.sections.append(("log of JupyterLab", item.funcargs["lab"].log))
    return report


@pytest.fixture(scope="session")
def browser():
    """Start one headless Chromium for all tests."""
    program = find_chromium()
    if program is None:
        pytest.fail(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def problems():
    """Make the list of what went wrong in the page, one line each."""
    return []


@pytest.fixture
def page(browser, problems):
    """Open a fresh page; afterwards: no error, no console error, no request to another machine."""

    def check_address(url):
        if not is_on_this_machine(url):
            problems.append(f"request to another machine: {url}")

    def check_console(message):
        if message.type == "error":
            problems.append(f"console: {message.text}")

    context = browser.new_context(
        viewport={"width": 1280, "height": 1000},
        reduced_motion="reduce",
        color_scheme="light",
        locale="en-US",
    )
    fresh = context.new_page()
    fresh.set_default_timeout(PATIENCE)
    fresh.on(
        "pageerror", lambda error: problems.append(f"error in the page: {error.stack or error}")
    )
    fresh.on("console", check_console)
    fresh.on("request", lambda request: check_address(request.url))
    fresh.on("websocket", lambda websocket: check_address(websocket.url))
    yield fresh
    context.close()
    assert problems == []


@pytest.fixture
def mount(page, problems):
    """Return a function that shows a widget in the page, once per test."""
    bridges = []

    def mount_widget(widget):
        bridge = Bridge(page, widget, problems)
        bridges.append(bridge)
        bridge.open()
        return bridge

    yield mount_widget
    for bridge in bridges:
        bridge.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start one JupyterLab for all tests; afterwards: nothing of it is left."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
    assert not server.is_running


@pytest.fixture
def notebook(page, lab):
    """Return a function that opens a copy of a notebook and runs it, unless ``run=False``."""

    def open_notebook(path, run=True):
        folder = tempfile.mkdtemp(dir=lab.root)
        copy = Path(shutil.copy(path, folder))
        opened = Notebook(page, lab, copy)
        opened.open()
        if run:
            opened.run_all()
        return opened

    yield open_notebook
    lab.stop_kernels()


@pytest.fixture
def family_pairs():
    return families()[0]


@pytest.fixture
def family_images(tmp_path):
    """One small picture each; the last one is no picture."""
    names = families()[1]
    for k, _ in enumerate(names):
        Image.new("RGB", (60 + 20 * (k % 3), 60), (20 * k, 90, 255 - 20 * k)).save(
            tmp_path / f"{k}.jpg"
        )
    (tmp_path / f"{len(names) - 1}.jpg").write_bytes(b"no picture")
    paths = [str(tmp_path / f"{k}.jpg") for k in range(len(names))]
    return pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": paths, "problem": "", "frames": 1}
    )


@pytest.fixture
def show_explorer(mount, page):
    """Show an explorer and wait until it has nothing left to do."""

    def open_explorer(*args, **kwargs):
        bridge = mount(dup.ThresholdExplorer(*args, **kwargs))
        bridge.settle = lambda: expect(bridge.view().get_by_test_id("explorer")).to_have_attribute(
            "data-state", "ready"
        )
        bridge.settle()
        return bridge

    return open_explorer


@pytest.fixture
def explorer(show_explorer, family_pairs, family_images):
    return show_explorer(family_pairs, family_images)
