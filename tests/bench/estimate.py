"""`python -m tests.bench.estimate`: what more cores would answer, on paper, from one measured run.

A click costs `a` microseconds of processor time in a worker, `b` in the broker and `c` in the client that
sends it. On C cores of which the trainer takes T, w workers at full speed take w cores, so broker and client
take w (b + c) / a:

    w = (C - T) / (1 + (b + c) / a), at most one worker a partition
    clicks/s = w * 1,000,000 / a = (C - T) * 1,000,000 / (a + b + c)

The broker must also write `d` bytes a click, which a disk and a network card bound. What is left out: several
brokers, replication, and caches that many cores share.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from tests.bench import results

CORES = (2, 8, 32)
#: Shares of the cores that the trainer takes: none, and half of them while it trains on the same machine.
TRAINING = (0.0, 0.5)
#: What one broker may write a second: a disk of 1 GB/s, or a network card of 10 Gbit/s (a click's bytes also
#: come in and go out again; the card carries each direction by itself).
WRITTEN_MOST = 1e9
HEAD = (
    "cores",
    "workers",
    "clicks/s",
    "cores: workers / broker / client / trainer",
    "broker writes",
    "limit",
)


class Estimate(NamedTuple):
    """`limit` is what takes most, or bounds: `workers`, `broker`, `client` or `bytes`."""

    cores: int
    workers: float
    clicks: float
    shares: Mapping[str, float]
    written: float
    limit: str

    @property
    def row(self) -> tuple[str, ...]:
        """As text."""
        taken = " / ".join(f"{share:.1f}" for share in self.shares.values())
        written = f"{self.written / 1e6:,.0f} MB/s"
        return f"{self.cores}", f"{self.workers:.1f}", f"{self.clicks:,.0f}", taken, written, self.limit


def estimate(full: Mapping[str, Any], cores: int, trainer: float = 0.0) -> Estimate:
    """For `cores`, of which `trainer` are the trainer's, from the figures of the full job by one worker."""
    costs = full["cpu_us"]
    worker, broker, client = costs["worker"], costs["broker"], costs["client"]
    computed = (cores - trainer) * 1e6 / (worker + broker + client)
    written = WRITTEN_MOST / full["broker_bytes"]
    clicks = min(computed, written)
    shares = {"workers": clicks * worker, "broker": clicks * broker, "client": clicks * client}
    taken = {name: share / 1e6 for name, share in shares.items()}
    limit = "bytes" if written < computed else max(taken, key=lambda name: taken[name])
    shares = {**taken, "trainer": trainer}
    return Estimate(cores, taken["workers"], clicks, shares, clicks * full["broker_bytes"], limit)


def rows(found: results.Results) -> Iterator[tuple[str, ...]]:
    """A row for each of CORES; nothing where the full job was not measured."""
    if "cpu_us" in found.get("full", {}):
        for cores in CORES:
            yield from (estimate(found["full"], cores, share * cores).row for share in TRAINING)


@click.command()
@click.option(
    "--json", "path", type=click.Path(path_type=Path), default=results.JSON, help="Figures of a run."
)
def main(path: Path) -> None:
    """Print the estimate for 2, 8 and 32 cores."""
    found = results.load(path)
    if "cpu_us" not in found.get("full", {}):
        raise click.ClickException(f"{path} has no full job; run python -m tests.bench --part full")
    table = Table(*HEAD, title="on paper, from the costs of one worker's full job")
    for row in rows(found):
        table.add_row(*row)
    Console().print(table)
    costs = ", ".join(f"{name} {cost:.1f}" for name, cost in found["full"]["cpu_us"].items())
    click.echo(f"processor time a click, µs: {costs}; {found['full']['broker_bytes']:,.0f} bytes a click")
    if shared := found.get("shared"):
        click.echo(f"measured with {shared['workers']} workers here: {shared['pathcast']:,.0f} clicks/s")


if __name__ == "__main__":
    main()
