"""How a loop is compiled: once for all processes where a file can be written, else for this one.

Where numba is missing or does not fit numpy, loops run in plain Python, and a warning says so once.
What would be too slow then has a way in numpy or Pillow, or asks for numba.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

try:
    from numba import njit

    WITHOUT_NUMBA = ""
except Exception as error:  # of a numba that does not fit numpy or its own libraries, any kind
    njit = None  # type: ignore[assignment]
    WITHOUT_NUMBA = f"numba cannot be imported ({error})"
    warnings.warn(
        f"{WITHOUT_NUMBA}: hashes and pairs are computed with numpy and Pillow, many times more "
        "slowly; pip install --upgrade numba",
        stacklevel=2,
    )

HAS_NUMBA = not WITHOUT_NUMBA


def require_numba(what: str) -> None:
    """Raise an ImportError for work that would take hours without numba."""
    if WITHOUT_NUMBA:
        raise ImportError(f"{what} needs numba, and {WITHOUT_NUMBA}: pip install --upgrade numba")


def compiled(
    function: Callable[..., Any] | None = None, *, short: bool = False, **options: Any
) -> Any:
    """Compile a loop when it is first called, and keep the result on disk if that is possible.

    numba keeps it beside the module, else in the user's cache folder, else in the folder of the
    variable NUMBA_CACHE_DIR. If no folder can be written, each process compiles anew. The loop
    releases Python's lock, unless it is short.

    Parameters
    ----------
    function
        the loop; write `@compiled` above it.
    short
        whether it takes a few microseconds only: giving the lock away would take longer.
    options
        further options of `numba.njit`: `@compiled(inline="always")`.
    """
    if function is None:
        return partial(compiled, short=short, **options)
    if not HAS_NUMBA:
        return function
    try:
        return njit(cache=True, nogil=not short, **options)(function)
    except RuntimeError:  # "no locator available": numba found no folder that it can write
        return njit(nogil=not short, **options)(function)
