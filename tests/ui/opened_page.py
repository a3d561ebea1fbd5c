"""A page without a kernel, opened in the browser."""

import io
from pathlib import Path

import pandas as pd
from playwright.sync_api import expect


class OpenPage:
    """A page from a file, and the explorer that it was made from."""

    def __init__(self, page, explorer, path):
        self.page, self.explorer = page, explorer
        page.goto(path.as_uri())
        self.settle()

    def settle(self):
        expect(self.page.get_by_test_id("explorer")).to_have_attribute("data-state", "ready")

    def saved(self, button):
        """Press a button that saves a file; return the bytes of the file."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button, exact=True).click()
        return Path(download.value.path()).read_bytes()

    def groups(self):
        """Return the groups as the page has them now."""
        text = self.page.evaluate("() => document.getElementById('page').model.groupsCsv()")
        return pd.read_csv(io.StringIO(text))

    def press(self, key):
        self.page.get_by_role("slider", name="Similarity threshold").press(key)
        self.settle()
