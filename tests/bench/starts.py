"""How long a worker takes from its start until it is ready: with compiled kernels at hand, and without."""

from collections.abc import Callable
from statistics import median

from tests.bench.working import Place, worker


def starts(place: Place, warm: int, say: Callable[[str], None]) -> dict[str, float]:
    """Seconds from the start of the process until `/readyz` says 200, with nothing to recover.

    `warm` is how often with warm caches, after the start that warms them. Raises BenchError.
    """
    cache = place.ground.folder / "kernels"
    cache.mkdir()
    cold = _start(place, "cold", str(cache))
    say(f"start with an empty kernel cache: ready after {cold:.1f} s")
    seconds = [_start(place, f"warm-{number}", str(cache)) for number in range(warm)]
    say(f"start with compiled kernels: ready after {median(seconds):.1f} s")
    return {
        "warm_seconds": median(seconds),
        "cold_seconds": cold,
        "compiling_seconds": cold - median(seconds),
    }


def _start(place: Place, name: str, cache: str) -> float:
    folder = str(place.ground.folder / f"{place.name}-data" / name)
    with worker(place, PATHCAST_DATADIR=folder, NUMBA_CACHE_DIR=cache) as (found, _):
        return found.ready_seconds
