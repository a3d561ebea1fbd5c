"""The settings, and the entry point that Jupyter Server calls if a root folder is named."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.serverapp import ServerApp
from traitlets import Bool, Integer, Unicode, validate
from traitlets.config import LoggingConfigurable

from ..engine.checks import check_choice
from ..methods import METHODS
from .contexts import Contexts
from .handlers import make_routes


class SearchContexts(LoggingConfigurable):
    """Settings of the REST service. `root` switches it on."""

    root = Unicode(
        help="The folder whose subfolders are the search contexts; it is made if missing."
    ).tag(config=True)
    method = Unicode("phash", help="The method of all answers.").tag(config=True)
    max_bytes = Integer(64 * 2**20, min=1, help="The largest body of a request, in bytes.").tag(
        config=True
    )
    max_pixels = Integer(
        100_000_000, min=1, help="The largest picture, in pixels; a JPEG counts as it is decoded."
    ).tag(config=True)

    isolate = Bool(
        True,
        help="Decode each upload in a worker process first, which it may end without harm.",
    ).tag(config=True)

    @validate("method")
    def _validate_method(self, proposal: dict[str, Any]) -> str:
        return check_choice("SearchContexts.method", proposal["value"], METHODS)


def load(server: ServerApp) -> None:
    """Serve the search contexts from a Jupyter server.

    Raises
    ------
    OSError
        if the root does not exist and cannot be made.
    ImportError
        if the method needs OpenCV and it is not installed.
    """
    settings = SearchContexts(parent=server)
    METHODS[settings.method].made_with()  # says now what to install, not at the first question
    root = os.path.abspath(os.path.expanduser(settings.root))
    os.makedirs(root, exist_ok=True)
    contexts = Contexts(root, method=settings.method, isolate=settings.isolate)
    limits = {"max_bytes": settings.max_bytes, "max_pixels": settings.max_pixels}
    server.web_app.add_handlers(
        ".*$", make_routes(server.web_app.settings["base_url"], contexts, limits)
    )
    server.log.info(
        "imgdup_nb serves the search contexts below %s by %s, at v3.0 and v3", root, settings.method
    )
