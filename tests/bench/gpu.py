"""`make bench-gpu`: scoring and training on a GPU beside one CPU core, on made-up data, without a broker.

Exits with 1 where answers differ from the CPU's by more than 1e-3 (bf16: by more than it can keep apart).
Without a GPU it measures on the CPU, which shows that everything runs.
"""

import math
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
import torch
from rich.console import Console
from rich.table import Table

from tests.bench.clicks import ROOT
from tests.bench.gpu_clicks import Shop
from tests.bench.gpu_scoring import MODES, Timing, passes, served
from tests.bench.gpu_training import ENCODERS, Learned, learned


@dataclass(frozen=True)
class Extent:
    """How much is measured; `cpu_sizes` are the batches that one core scores, for comparison."""

    items: int
    sizes: tuple[int, ...]
    cpu_sizes: tuple[int, ...]
    seconds: float
    sessions: int
    cpu_sessions: int
    batches: tuple[int, ...]
    backend: str


FULL = Extent(
    items=20_000,
    sizes=(256, 1_024, 4_096, 16_384, 65_536),
    cpu_sizes=(256, 4_096),
    seconds=1.0,
    sessions=40_000,
    cpu_sessions=2_000,
    batches=(256, 4_096),
    backend="inductor",
)
QUICK = Extent(
    items=300,
    sizes=(256, 512),
    cpu_sizes=(256,),
    seconds=0.01,
    sessions=60,
    cpu_sessions=60,
    batches=(256,),
    backend="eager",
)


def scoring(device: str, extent: Extent) -> Iterator[Timing]:
    """The device in all modes and, where that is another, one core of the CPU."""
    shop = Shop.of(extent.items)
    if device != "cpu":
        yield from served(shop, "cpu", extent.cpu_sizes, extent.seconds)
        yield from passes(shop, "cpu", extent.cpu_sizes, extent.seconds, MODES[:1], extent.backend)
    yield from served(shop, device, extent.sizes, extent.seconds)
    yield from passes(shop, device, extent.sizes, extent.seconds, MODES, extent.backend)


def training(device: str, extent: Extent) -> Iterator[Learned]:
    """Events a second of the device, in small and large batches, and of one core of the CPU."""
    for encoder in ENCODERS:
        yield learned(encoder, "cpu", extent.cpu_sessions, extent.items, extent.batches[0])
        if device != "cpu":
            for batch in extent.batches:
                yield learned(encoder, device, extent.sessions, extent.items, batch)


def tables(timings: list[Timing], rates: list[Learned]) -> Iterator[Table]:
    """What was measured."""
    shown = Table("scoring", "device", "clicks a batch", "µs a click", "difference", "as the CPU")
    for one in timings:
        held = one.skipped or ("yes" if one.held else "NO")
        us, difference = (math.nan if one.us is None else one.us, one.difference or 0.0)
        figures = f"{one.clicks:,}", f"{us:.2f}", f"{difference:.1e}", held
        shown.add_row(one.mode, one.device, *figures)
    yield shown
    shown = Table("training", "device", "clicks a batch", "events/s")
    for rate in rates:
        shown.add_row(rate.encoder, rate.device, f"{rate.batch:,}", f"{rate.rate:,.0f}")
    yield shown


def machine(device: str) -> dict[str, Any]:
    """What it ran on."""
    name = torch.cuda.get_device_name() if device == "cuda" else "none"
    return {
        "gpu": name,
        "torch": str(torch.__version__),
        "system": f"{platform.system()} {platform.machine()}",
    }


@click.command()
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs, measures nothing.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--json", "path", type=click.Path(path_type=Path), default=ROOT / "build" / "gpu.json")
def main(quick: bool, device: str, path: Path) -> None:
    """Measure; about five minutes on a GPU."""
    say, extent = Console(), QUICK if quick else FULL
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    timings, rates = [], []
    with torch.inference_mode():
        for one in scoring(device, extent):
            timings.append(one)
            figure = one.skipped or f"{one.us:.2f} µs a click"
            say.print(f"{one.mode}, {one.device}, {one.clicks:,} clicks: {figure}")
    for rate in training(device, extent):
        rates.append(rate)
        say.print(f"training {rate.encoder}, {rate.device}: {rate.rate:,.0f} events/s")
    for table in tables(timings, rates):
        say.print(table)
    found = {
        "machine": machine(device),
        "scoring": [{**asdict(one), "held": one.held} for one in timings],
        "training": [asdict(rate) for rate in rates],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    sys.exit(0 if all(one.held for one in timings) else 1)


if __name__ == "__main__":
    main()
