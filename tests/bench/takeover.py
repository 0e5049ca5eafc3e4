"""What a worker's death and what rebalances cost: seconds without answers, while clicks go on."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

from streams.config.worker_settings import WorkerSettings
from tests.bench.clicks import Log
from tests.bench.ground import BenchError
from tests.bench.sizes import Sizes
from tests.bench.traffic import Traffic, traffic
from tests.bench.working import Place, Worker, workers

Say = Callable[[str], None]
#: Seconds beyond the session timeout within which answers must go on.
PATIENCE = 60.0
#: Seconds of undisturbed traffic before each change.
CALM = 3.0
#: Workers at a rebalance's height.
MOST = 3
#: Exit codes of a worker that got SIGTERM.
ENDED = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def takeover(place: Place, log: Log, sizes: Sizes, say: Say) -> dict[str, Any]:
    """Kill one of two workers, `sizes.takeovers` times: seconds until all partitions are answered again.

    At default settings. Raises BenchError.
    """
    timeout = sizes.session_timeout or WorkerSettings().session_timeout_seconds
    longest, settings = sizes.takeovers * (timeout + PATIENCE + 60), _settings(sizes)
    found: list[float] = []
    with ExitStack() as stack:
        (kept,) = stack.enter_context(workers(place, ["kept"], **settings))
        flowing = stack.enter_context(traffic(place, log, sizes.takeover_rate, longest, sizes.visitors))
        for number in range(sizes.takeovers):
            (other,) = stack.enter_context(workers(place, [f"killed-{number}"], **settings))
            _settled(kept, other)
            found.append(_killed(other, flowing, timeout + PATIENCE))
            say(f"takeover {number + 1}: all partitions answered again after {found[-1]:.1f} s")
        answered = flowing.drained()
    return {
        **answered,
        "seconds": found,
        "median_seconds": median(found),
        "longest_seconds": max(found),
        "session_timeout_seconds": timeout,
    }


def _settings(sizes: Sizes) -> dict[str, str]:
    timeout = sizes.session_timeout
    return {} if timeout is None else {"PATHCAST_SESSION_TIMEOUT_SECONDS": str(timeout)}


def _settled(*found: Worker) -> None:
    for one in found:
        one.settle()
    time.sleep(CALM)


def _killed(other: Worker, flowing: Traffic, within: float) -> float:
    """Kill a worker; seconds until its partitions are answered. Raises BenchError."""
    owned = _owned(other)
    other.running.process.kill()
    other.running.process.wait()
    moment = time.perf_counter()
    while not owned <= (after := flowing.first_after(moment)).keys():
        if time.perf_counter() - moment > within:
            missing = sorted(owned - after.keys())
            raise BenchError(f"no answers on partitions {missing} for {within:.0f} s after a kill")
        time.sleep(0.1)
    return max(after[partition] for partition in owned)


def _owned(found: Worker) -> set[int]:
    """The partitions that it answers, by its metrics. Raises BenchError for none."""
    lags = {name for (metric, name) in found.metrics() if metric == "pathcast_lag_records"}
    if not lags:
        raise BenchError("a worker that is ready names no partition of its own")
    return set(map(int, lags))


def rebalances(place: Place, log: Log, sizes: Sizes, say: Say) -> dict[str, Any]:
    """1 to 3 to 1 workers, `sizes.rebalances` times; the longest seconds without answers on a partition.

    Raises BenchError if a worker dies that was not asked to end.
    """
    gaps, settings = list[float](), _settings(sizes)
    with ExitStack() as stack:
        (first,) = stack.enter_context(workers(place, ["first"], **settings))
        flowing = stack.enter_context(
            traffic(place, log, sizes.takeover_rate, sizes.rebalances * 180.0, sizes.visitors)
        )
        for number in range(sizes.rebalances):
            begun = time.perf_counter()
            with workers(place, (f"{number}-{one}" for one in range(1, MOST)), **settings) as others:
                _settled(first, *others)
                for one in (first, *others):
                    one.running.check()
            _settled(first)
            first.running.check()
            _ended_well(others)
            gaps.append(flowing.longest_gap(begun))
            say(f"rebalance {number + 1}: 1 to {MOST} to 1 workers, longest gap {gaps[-1]:.1f} s")
        answered = flowing.drained()
    return {"turns": len(gaps), "gaps_seconds": gaps, "longest_gap_seconds": max(gaps), **answered}


def _ended_well(others: list[Worker]) -> None:
    """Workers that were asked to end have done so by themselves. Raises BenchError."""
    for one in others:
        if (code := one.running.process.returncode) not in ENDED:
            raise one.running.error(f"it was asked to end, and ended with {code}")
