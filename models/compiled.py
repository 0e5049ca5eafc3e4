"""Functions over arrays, compiled by numba; `NUMBA_DISABLE_JIT=1` runs the same functions uncompiled.

numba keeps machine code in `__pycache__`, in the user's cache folder or in `NUMBA_CACHE_DIR`: the first call
on a machine compiles for a second or so, later processes load what it compiled. A cache knows the file of its
function alone: a kernel calls only kernels of its own file, so that no change is missed.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., object])

#: Beyond these exp() leaves the normal 32-bit floats.
EXP_MOST, EXP_LEAST = np.float32(88), np.float32(-87)
LOG2_E, HALF, ONE = np.float32(1.44269504), np.float32(0.5), np.float32(1)
#: The natural logarithm of 2 in two parts, and the polynomial of exp() on [-ln 2 / 2, ln 2 / 2] (Cephes).
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
EXP = tuple(
    map(
        np.float32, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
    )
)


def kernel(function: F) -> F:
    """Compile on the first call. Without fast-math: operations and their order are those of the source."""
    try:
        compiled: F = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that can be written to: every process compiles for itself
        compiled = njit(nogil=True)(function)
    return compiled
