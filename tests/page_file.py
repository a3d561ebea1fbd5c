"""How tests read a page that the explorer or a report has written."""

import base64
import gzip
import json
import re


def part(page, name):
    """Return the text of a part of the page: "data" or "pictures"."""
    return re.search(rf'<script type="text/plain" id="page-{name}">([^<]*)</script>', page)[1]


def data_of(page):
    """Return what the page knows."""
    return json.loads(gzip.decompress(base64.b64decode(part(page, "data"))))
