"""How a loop is compiled: kept on disk where that is possible, and for this process only where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop when it is first called and keep the result on disk; in this process only, where no folder can be written.

    numba keeps it beside the module, else in the user's cache, else in the folder named by
    NUMBA_CACHE_DIR.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "no locator available": neither place can be written
        return njit(nogil=True)(function)
