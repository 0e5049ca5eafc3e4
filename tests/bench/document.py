"""`python -m tests.bench.document`: docs/benchmarks.md anew from build/bench.json, with its pictures.

The prose is written by people, what stands between the two markers by the benchmark.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tests.bench import estimate, results
from tests.bench.clicks import ROOT
from tests.bench.pictures import draw
from tests.bench.results import Results
from tests.bench.rows import rows

BEGIN, END = "<!-- figures: written by make bench ARGS=--write-docs -->", "<!-- end of figures -->"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PICTURES = "pictures"
#: Without these parts the page would lose its main figures.
NEEDED = ("counting", "full", "latency", "score", "recovery", "takeover", "rebalance", "start")
#: What a picture shows, for readers who do not see it.
SHOWN = {
    "latency-over-rate.svg": "Latency over the rate of clicks",
    "throughput-over-items.svg": "Throughput over the number of items",
    "throughput-over-visitors.svg": "Throughput over the number of visitors",
}


def write(found: Results, path: Path = DOCUMENT) -> None:
    """Replace what stands between the markers, and draw. Raises ValueError where the markers are missing."""
    before, marker, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (marker and end):
        raise ValueError(f"{path} has no {BEGIN!r} ... {END!r}: put the two lines where the figures belong")
    drawn = list(draw(found, path.parent / PICTURES))
    figures = "\n".join([*lines(found), *_pictures(drawn)])
    path.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")


def lines(found: Results) -> Iterator[str]:
    """The figures as Markdown."""
    machine = found["machine"]
    yield (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; load before the run {machine['load_before']}; log `{found['log']}`."
    )
    yield ""
    yield from _table(("measure", "figure", "target", "holds"), rows(found))
    if "stages" in (full := found.get("full", {})):
        yield ""
        yield f"Where the full job's time goes ({full['records_per_chunk']:.0f} clicks a chunk):"
        yield ""
        yield from _table(("stage", "µs per click", "share"), _shares(full["stages"]))
    if by_rate := found.get("latency", {}).get("by_rate"):
        yield from _answers(by_rate)
    if paper := list(estimate.rows(found)):
        yield ""
        yield "On paper, from one worker's costs (`python -m tests.bench.estimate`):"
        yield ""
        yield from _table(estimate.HEAD, paper)


def _shares(stages: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    total = sum(stages.values())
    for stage, cost in stages.items():
        yield stage, f"{cost:.1f}", f"{cost / total:.0%}"


def _answers(by_rate: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Where an answer's time goes, by rate."""
    stages = list(next(iter(by_rate.values()))["stages_ms"])
    yield ""
    yield "Where an answer's time goes (medians in ms; stages: mean ms a chunk, by the worker's metrics):"
    yield ""
    head = ("clicks/s", "click to score", "score to reader", "by the network", "clicks a chunk", *stages)
    made = (
        (
            f"{int(rate):,}",
            f"{at['to_scored_ms']:.1f}",
            f"{at['to_readable_ms']:.1f}",
            f"{at['neural_share']:.0%}",
            f"{at['records_per_chunk']:.1f}",
            *(f"{at['stages_ms'].get(stage, 0.0):.2f}" for stage in stages),
        )
        for rate, at in by_rate.items()
    )
    yield from _table(head, made)


def _pictures(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield ""
        yield f"![{SHOWN[name]}]({PICTURES}/{name})"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in body:
        yield f"| {' | '.join(row)} |"


@click.command()
@click.option(
    "--json", "path", type=click.Path(path_type=Path), default=results.JSON, help="Figures of a run."
)
def main(path: Path) -> None:
    """Write the figures of the latest run into docs/benchmarks.md."""
    found = results.load(path)
    missing = [part for part in NEEDED if part not in found]
    if missing:
        parts = " ".join(f"--part {part}" for part in missing)
        raise click.ClickException(f"{path} lacks {', '.join(missing)}; run make bench ARGS='{parts}'")
    write(found)
    click.echo(f"written: {DOCUMENT}")


if __name__ == "__main__":
    main()
