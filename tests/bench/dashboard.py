"""What a dashboard that somebody looks at costs a worker: with and without it by turns, in one run."""

import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import mean, stdev
from typing import Any

import psutil

from tests.bench.clicks import Log
from tests.bench.full import Throughput, throughput
from tests.bench.gateway import launched_gateway
from tests.bench.ground import BenchError
from tests.bench.sizes import Sizes
from tests.bench.working import Place, Worker

#: Without a model, so that a gateway starts soon; with little of the past to read.
SETTINGS = {"PATHCAST_GATEWAY_PREDICT": "false", "PATHCAST_GATEWAY_DASHBOARD_MINUTES": "0.05"}
#: Seconds for the reader to be at the ends of the topics.
CAUGHT_UP_WITHIN = 60.0
#: A pushed page as it comes.
UP_TO_DATE = b"Up to date"


class OpenPage(threading.Thread):
    """A browser that looks at the page Live; `pushes` are those that it has got."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.pushes, self.current, self._address = 0, threading.Event(), f"http://127.0.0.1:{port}/dashboard"

    def run(self) -> None:
        """Until the gateway ends."""
        try:
            with urllib.request.urlopen(f"{self._address}/push/live", timeout=120) as stream:
                for line in stream:
                    self.pushes += line.startswith(b"data:")
                    if UP_TO_DATE in line:
                        self.current.set()
        except OSError:
            return


@contextmanager
def looked_at(place: Place, beside: Worker) -> Iterator[tuple[Worker, OpenPage]]:
    """A gateway whose dashboard somebody looks at, at the ends of the topics. Raises BenchError."""
    with launched_gateway(place, beside, **SETTINGS) as served:
        page = OpenPage(served.port)
        page.start()
        if not page.current.wait(CAUGHT_UP_WITHIN):
            raise served.running.error(f"the dashboard has not caught up in {CAUGHT_UP_WITHIN:g} s")
        yield served, page


def dashboard(
    place: Place, found: list[Worker], log: Log, sizes: Sizes, say: Callable[[str], None]
) -> dict[str, Any]:
    """By turns without and with, the order changing; the first turn warms up. Raises BenchError."""
    clicks, plain, watched = sizes.dashboard_clicks, list[Throughput](), list[Throughput]()
    gateway_us, pushes = list[float](), 0

    def without(first: int) -> None:
        plain.append(throughput(place, found, log, clicks, sizes.visitors, first))

    def with_it(first: int) -> None:
        nonlocal pushes
        with looked_at(place, found[0]) as (served, page):
            process = psutil.Process(served.running.process.pid)
            spent = sum(process.cpu_times()[:2])
            watched.append(throughput(place, found, log, clicks, sizes.visitors, first))
            gateway_us.append((sum(process.cpu_times()[:2]) - spent) / clicks * 1e6)
            pushes += page.pushes

    throughput(place, found, log, clicks, sizes.visitors)
    for turn in range(sizes.dashboard_turns):
        first = (2 * turn + 1) * clicks
        one, other = (without, with_it) if turn % 2 == 0 else (with_it, without)
        one(first)
        other(first + clicks)
        say(f"turn {turn + 1}: {plain[-1].rate:,.0f} clicks/s without, {watched[-1].rate:,.0f} with")
    if not pushes:
        raise BenchError("the dashboard pushed nothing")
    figures = _compared(plain, watched) | {"gateway_us": mean(gateway_us), "pushes": pushes}
    say(f"dashboard: {figures}")
    return figures


def _compared(plain: Sequence[Throughput], watched: Sequence[Throughput]) -> dict[str, Any]:
    """Of each figure without and with it, and by how many percent it is worse, with its standard error."""
    both = list(zip(plain, watched, strict=True))
    sides = {
        side: _figure([(one.cpu_us[side], other.cpu_us[side]) for one, other in both], 1)
        for side in ("worker", "broker")
    }
    return {"rate": _figure([(one.rate, other.rate) for one, other in both], -1), **sides}


def _figure(pairs: Sequence[tuple[float, float]], power: int) -> dict[str, float]:
    """`power` -1: less is worse."""
    more = [100 * ((other / one) ** power - 1) for one, other in pairs]
    error = stdev(more) / len(more) ** 0.5 if len(more) > 1 else 0.0
    without, with_it = (mean(side) for side in zip(*pairs, strict=True))
    return {"without": without, "with": with_it, "percent": mean(more), "error": error}
