"""Functions over arrays, compiled by numba; `NUMBA_DISABLE_JIT=1` runs the same functions uncompiled.

numba keeps machine code in `__pycache__`, in the user's cache folder or in `NUMBA_CACHE_DIR`: the first call
on a machine compiles for a second or so, later processes load what it compiled. A cache knows the file of its
function alone: a kernel calls only kernels of its own file, so that no change is missed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numba.core import event as numba_events
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

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


class TolerantCache(FunctionCache):  # type: ignore[misc]
    """A cache that is emptied where it cannot be read, and left as it is where it cannot be written.

    Its index names the classes of arguments, so that one of an earlier release may name a class that is gone.
    A full disk must not fail the call whose code has just been compiled.
    """

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The machine code for a signature; None where it has to be compiled."""
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # noqa: BLE001 - unpickling raises whatever it likes
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the machine code for other processes, which compile for themselves where that fails."""
        with suppress(OSError):
            super().save_overload(signature, data)


def kernel(function: F) -> F:
    """Compile on the first call. Without fast-math: operations and their order are those of the source."""
    made: Any = njit(nogil=True)(function)
    if isinstance(made, Dispatcher):
        # Without a folder that can be written to, every process compiles for itself.
        with suppress(RuntimeError):
            made._cache = TolerantCache(function)  # type: ignore[attr-defined]
    compiled: F = made
    return compiled


class _Begun(numba_events.Listener):  # type: ignore[misc]
    """Passes on the names of kernels whose compilation begins; one from the cache is not compiled.

    Functions of numba itself, which kernels call, are left out.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not function.__module__.startswith("numba."):
            self._say(function.__name__)

    def on_end(self, event: Any) -> None:
        pass


@contextmanager
def compilations(say: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile call `say` with the name of each kernel that begins to be compiled, on whichever thread."""
    with numba_events.install_listener("numba:compile", _Begun(say)):
        yield
