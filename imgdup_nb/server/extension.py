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
from .routes import make_routes

SCALE = "aligned"  # whose percents mean what those of the cloud service mean
FALLBACK = "phash"  # where local features are not installed


class SearchContexts(LoggingConfigurable):
    """Settings of the REST service. `root` switches it on."""

    root = Unicode(
        help="The folder whose subfolders are the search contexts; it is made if missing."
    ).tag(config=True)
    storage = Unicode(
        "",
        help="The folder in which clients store files; it is made if missing. Empty: `.storage` "
        "below the root.",
    ).tag(config=True)
    method = Unicode(
        "",
        help="The method of all answers. Empty: aligned where local features are installed, "
        "otherwise phash.",
    ).tag(config=True)
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
        if not proposal["value"]:
            return ""
        return check_choice("SearchContexts.method", proposal["value"], METHODS)


def choose_method(wanted: str) -> tuple[str, str]:
    """Return the method of all answers, and why it is not the one that the service means.

    Parameters
    ----------
    wanted
        a method, or empty for the best one that is installed.

    Raises
    ------
    ImportError
        if the wanted method needs something that is not installed; said now, not at the first
        question.

    Examples
    --------
    >>> choose_method("phash")
    ('phash', '')
    """
    if wanted:
        METHODS[wanted].made_with()
        return wanted, ""
    try:
        METHODS[SCALE].made_with()
    except ImportError as error:
        return FALLBACK, str(error)
    return SCALE, ""


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
    method, problem = choose_method(settings.method)
    root = os.path.abspath(os.path.expanduser(settings.root))
    os.makedirs(root, exist_ok=True)
    storage = os.path.abspath(os.path.expanduser(settings.storage)) if settings.storage else None
    contexts = Contexts(root, method=method, isolate=settings.isolate, storage=storage)
    limits = {"max_bytes": settings.max_bytes, "max_pixels": settings.max_pixels}
    server.web_app.add_handlers(
        ".*$", make_routes(server.web_app.settings["base_url"], contexts, limits)
    )
    server.log.info(
        "imgdup_nb serves the search contexts below %s by %s, at v3.0 and v3", root, method
    )
    server.log.info("its storage is %s", contexts.storage.folder)
    if problem:
        server.log.warning(
            "answers are by %s, a hash, which does not notice that something was erased from a "
            "scene; %s. --SearchContexts.method=%s chooses it without this warning",
            method,
            problem,
            method,
        )
