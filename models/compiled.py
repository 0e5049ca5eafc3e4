"""Functions over arrays, compiled by numba; `NUMBA_DISABLE_JIT=1` runs the same functions uncompiled.

numba keeps machine code in `__pycache__`, in the user's cache folder or in `NUMBA_CACHE_DIR`: the first call
on a machine compiles for a second or so, later processes load what it compiled.
"""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile on the first call. Without fast-math: operations and their order are those of the source."""
    try:
        compiled: F = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that can be written to: every process compiles for itself
        compiled = njit(nogil=True)(function)
    return compiled
