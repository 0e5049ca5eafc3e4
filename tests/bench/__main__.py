"""`make bench`: everything that is measured, part by part; docs/benchmarks.md says what each part is."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click
from confluent_kafka import KafkaException
from rich.console import Console

from models.errors import PathcastError
from tests.bench import document, results, rows
from tests.bench.clicks import Log
from tests.bench.filling import FillingError
from tests.bench.ground import BenchError, Ground, ground
from tests.bench.parts import ALONE, PARTS, Bench
from tests.bench.sizes import QUICK, Sizes


class OutOfTime(Exception):
    """A part took longer than it may."""


#: Seconds until a part that goes on is told again that its time is over.
AGAIN = 30.0
#: What ends a part, but not the run.
FAILURES = (BenchError, FillingError, OutOfTime, KafkaException, PathcastError, OSError)


@contextmanager
def bounded(name: str, minutes: float) -> Iterator[None]:
    """Raises OutOfTime when a part takes longer: the others still have their turn.

    Raised while an object is deleted, or in a callback, it would be lost. So it is raised again when the part
    has had the time to clean up, and in any case at the end of the part.
    """
    late = OutOfTime(f"{name} took longer than {minutes:g} minutes; raise --minutes")
    told = False

    def over(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        raise late

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if told:
        raise late


def run(bench: Bench, names: tuple[str, ...], minutes: float) -> list[str]:
    """Measure the parts in order; the names of those that failed. They share a broker."""
    failed: list[str] = []
    with ExitStack() as stack:
        here = Ground("", Path()) if ALONE.issuperset(names) else stack.enter_context(ground())
        for number, name in enumerate(names, 1):
            bench.say(f"[{number}/{len(names)}] {name}, {minutes:g} minutes at most")
            started = time.monotonic()
            try:
                with bounded(name, minutes):
                    PARTS[name](bench, here)
            except FAILURES as error:
                failed.append(name)
                bench.say(f"{name} FAILED: {error}")
            bench.say(f"[{number}/{len(names)}] {name}: {time.monotonic() - started:.0f} s")
    return failed


@click.command()
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs, measures nothing.")
@click.option("--part", "parts", multiple=True, type=click.Choice([*PARTS]), help="Only these  [all].")
@click.option("--items", type=int, help="Only the log's most frequent items  [all of them].")
@click.option("--minutes", default=25.0, show_default=True, help="Most minutes of each part.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path), default=results.JSON, help="Where figures go."
)
@click.option("--write-docs", is_flag=True, help="Put the figures into docs/benchmarks.md.")
def main(
    quick: bool, parts: tuple[str, ...], items: int | None, minutes: float, path: Path, write_docs: bool
) -> None:
    """Measure on this machine; needs the `bench` extra, some 20 GB of disk and an hour or two.

    Figures are saved after each part, beside those of the parts that did not run.
    """
    console = Console()
    log = Log(items=items)
    found = {**(results.load(path) if parts else {}), "machine": results.machine(), "log": log.path.name}
    bench = Bench(QUICK if quick else Sizes(), click.echo, log, found, lambda made: results.save(made, path))
    failed = run(bench, parts or tuple(PARTS), minutes)
    console.print(rows.table(found))
    if "full" in found and "stages" in found["full"]:
        console.print(rows.stages(found["full"]))
    if write_docs:
        document.write(found)
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
