"""How a loop is compiled: once for all processes where a file can be written, else for this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a loop when it is first called, and keep the result on disk if that is possible.

    numba keeps it beside the module, else in the user's cache folder, else in the folder of the
    variable NUMBA_CACHE_DIR. If no folder can be written, each process compiles anew. The loop
    releases Python's lock.

    Parameters
    ----------
    function
        the loop; write `@compiled` above it.
    options
        further options of `numba.njit`: `@compiled(inline="always")`.
    """
    if function is None:
        return partial(compiled, **options)
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # "no locator available": numba found no folder that it can write
        return njit(nogil=True, **options)(function)
