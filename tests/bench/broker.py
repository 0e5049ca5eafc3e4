"""`python -m tests.bench.broker`: what the settings of the bundled broker bring, both ways in one run.

Two brokers run side by side, one as bundled, one as it was before. Each gets the same load in turns:
transactions over 16 partitions with an offset's commit, and single clicks that a waiting consumer fetches.
Figures are milliseconds and CPU of the broker's process, measured again after more and more load.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from deploy.broker.broker import Broker
from deploy.broker.broker_process import free_port
from tests.bench.broker_load import Client, Load
from tests.bench.clicks import ROOT

#: What the broker ran with before: the first compiler only, and Kafka's defaults.
FORMER_JAVA = (
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
)
FORMER_SETTINGS = {
    "num.network.threads": "3",
    "num.io.threads": "8",
    "background.threads": "10",
    "group.coordinator.append.linger.ms": "-1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000",
}
SECONDS_A_TURN = 3.0


@dataclass
class Contestant:
    """A broker with its client, and the seconds of load that it has had."""

    name: str
    broker: Broker
    start_seconds: float
    restart_seconds: float
    client: Client = field(init=False)
    loaded: float = 0.0

    def cpu(self) -> float:
        """CPU seconds of its process."""
        running = self.broker.running()
        times = psutil.Process(running.pid if running else 0).cpu_times()
        return float(times.user + times.system)


@contextmanager
def contestant(name: str, folder: Path, **options: Any) -> Iterator[Contestant]:
    """A broker that was started, stopped and started again, with the seconds of both starts."""
    broker = Broker(folder / name, free_port(), heap="512m", **options)
    started = _timed(broker.start)
    broker.stop()
    try:
        yield Contestant(name, broker, started, _timed(broker.start))
    finally:
        broker.stop()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def measured(
    contestants: Sequence[Contestant], marks: Sequence[float], seconds: float, rounds: int, say: Console
) -> list[dict[str, Any]]:
    """A row of figures for each contestant and mark (seconds of load before it)."""
    rows = []
    for one in contestants:
        one.client = await Client.open(one.broker.bootstrap)
    for mark in marks:
        while min(one.loaded for one in contestants) < mark:
            await _turns(contestants, lambda client: client.transactions(seconds))
        fast = [await _turns(contestants, lambda c: c.transactions(seconds)) for _ in range(rounds)]
        paced = [await _turns(contestants, lambda c: c.transactions(seconds, 40)) for _ in range(rounds)]
        clicks = [await _turns(contestants, lambda c: c.clicks(seconds)) for _ in range(rounds)]
        for one in contestants:
            loads = {"fast": fast, "paced": paced, "clicks": clicks}
            figures = {name: _figures([turn[one.name] for turn in turns]) for name, turns in loads.items()}
            rows.append({"broker": one.name, "after_seconds": mark, **figures})
        say.print(f"measured after {mark:g} s of load")
    for one in contestants:
        await one.client.close()
    return rows


async def _turns(
    contestants: Sequence[Contestant], work: Callable[[Client], Awaitable[Load]]
) -> dict[str, tuple[Load, float]]:
    found = {}
    for one in contestants:
        before, began = one.cpu(), time.perf_counter()
        load = await work(one.client)
        one.loaded += time.perf_counter() - began
        found[one.name] = load, one.cpu() - before
    return found


def _figures(turns: Sequence[tuple[Load, float]]) -> dict[str, float]:
    waits = np.concatenate([load.seconds for load, _ in turns]) * 1e3
    cpu = sum(cpu for _, cpu in turns) / len(waits) * 1e3
    return {"p50_ms": float(np.median(waits)), "p99_ms": float(np.quantile(waits, 0.99)), "cpu_ms": cpu}


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Figures as p50 / p99 / CPU, in milliseconds."""
    shown = Table("broker", "after s", "transactions at full speed", "40 a second", "clicks, 1 a ms")
    for row in rows:
        cells = (
            f"{f['p50_ms']:.2f} / {f['p99_ms']:.1f} / {f['cpu_ms']:.2f}"
            for f in (row["fast"], row["paced"], row["clicks"])
        )
        shown.add_row(row["broker"], f"{row['after_seconds']:g}", *cells)
    return shown


@click.command()
@click.option("--after", "marks", multiple=True, type=float, default=(0, 30, 120), show_default=True)
@click.option("--seconds", default=SECONDS_A_TURN, show_default=True, help="Of each turn.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "path", type=click.Path(path_type=Path), default=ROOT / "build" / "broker.json")
def main(marks: tuple[float, ...], seconds: float, rounds: int, path: Path) -> None:
    """Measure the bundled broker beside its former settings; about eight minutes."""
    say = Console()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pathcast-broker-")))
        former = contestant("former", folder, java=FORMER_JAVA, settings=FORMER_SETTINGS)
        both = [stack.enter_context(former), stack.enter_context(contestant("bundled", folder))]
        starts = {one.name: {"first_s": one.start_seconds, "again_s": one.restart_seconds} for one in both}
        say.print(starts)
        rows = uvloop.run(measured(both, marks, seconds, rounds, say))
    say.print(table(rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"starts": starts, "rows": rows})) + b"\n")


if __name__ == "__main__":
    main()
