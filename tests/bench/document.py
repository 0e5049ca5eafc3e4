"""docs/benchmarks.md: the prose is written by people, the figures between its markers by the benchmark."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench import results
from tests.bench.results import Results

BEGIN, END = "<!-- figures: written by make bench ARGS=--write-docs -->", "<!-- end of figures -->"


def write(path: Path, found: Results) -> None:
    """Replace what stands between the markers. Raises ValueError where they are missing."""
    before, marker, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (marker and end):
        raise ValueError(f"{path} has no {BEGIN!r} ... {END!r}: put the two lines where the figures belong")
    figures = "\n".join(lines(found))
    path.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")


def lines(found: Results) -> Iterator[str]:
    """The figures as Markdown."""
    machine = found["machine"]
    yield (
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; load before the run {machine['load_before']}; log `{found['log']}`."
    )
    yield ""
    yield from _table(("measure", "figure", "target", "holds"), results.rows(found))
    if full := found.get("full"):
        total = sum(full["stages"].values())
        costs = ((stage, f"{cost:.1f}", f"{cost / total:.0%}") for stage, cost in full["stages"].items())
        yield ""
        yield f"Where the full job's time goes ({full['records_per_chunk']:.0f} clicks a chunk):"
        yield ""
        yield from _table(("stage", "µs per click", "share"), costs)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
