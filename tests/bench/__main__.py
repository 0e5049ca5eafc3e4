"""`make bench`: scoring, training, counting, full job by encoder, latency and recovery, on one broker."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import torch
from rich.console import Console

from models.network.encoders import ENCODERS
from tests.bench import document, results
from tests.bench.clicks import GSTORE, ROOT, SHIPPED, Log
from tests.bench.counting import counting
from tests.bench.full import Full, full
from tests.bench.ground import Ground, ground
from tests.bench.latency import bare
from tests.bench.model import ENCODER, Model, model
from tests.bench.recovery import recovery
from tests.bench.retrieving import retrieving
from tests.bench.scoring import scoring
from tests.bench.sealing import sealing
from tests.bench.sizes import QUICK, Sizes
from tests.bench.states import Crowd, full_states
from tests.bench.training import training
from tests.bench.working import forget, settle

PARTS = ("scoring", "sealing", "training", "counting", "full", "encoders", "recovery")
#: Pairs of chunks that sealing is measured on, for each round of the others.
SEALED_ROUNDS = 10
#: Those that need a broker.
ON_A_BROKER = frozenset(PARTS) - {"scoring", "sealing", "training"}
DOCUMENT = ROOT / "docs" / "benchmarks.md"
JSON = ROOT / "build" / "bench.json"


class Bench:
    """One run: what it found so far, and how it says so."""

    def __init__(self, sizes: Sizes, console: Console, log: Log) -> None:
        self.sizes, self.console, self.log = sizes, console, log
        self.found: results.Results = {"machine": results.machine(), "log": log.path.name}

    def say(self, line: str) -> None:
        """A line of progress."""
        self.console.print(line, highlight=False)

    def alone(self) -> None:
        """Measure what needs no broker, on the threads that a worker scores with."""
        torch.set_num_threads(1)
        self.found["scoring"] = scoring(self.sizes.timed_seconds, self.say)
        self.found["retrieving"] = retrieving(self.sizes.timed_seconds, self.say)

    def run(self, ground: Ground, parts: tuple[str, ...]) -> None:
        """Measure `parts` in order."""
        if "counting" in parts:
            self.found["counting"] = counting(ground, self.sizes, self.say)
            self.found["bare"] = alone = {**bare(ground, self.sizes)._asdict(), "rate": self.sizes.rate}
            self.say(f"counting: latency p50 {alone['p50_ms']:.1f} ms, p99 {alone['p99_ms']:.1f} ms")
        if "full" in parts or "recovery" in parts:
            self._visitors(ground, parts)
        if "encoders" in parts:
            self.found["encoders"] = {
                name: self._encoder(ground, name) for name in ENCODERS if name != ENCODER
            }

    def _trained(self, encoder: str) -> tuple[Model, list[bytes]]:
        """A model, and visitors' records that it has made."""
        trained = model(self.log, self.sizes, encoder)
        self.say(f"model {trained.version.id} ({encoder}), {len(trained.version.vocabulary.ids):,} items")
        states = full_states(self.log.pasts(self.sizes.templates), trained.version)
        mean = sum(map(len, states)) // len(states)
        self.say(f"{len(states):,} visitors with 50 codes each, mean state {mean:,} bytes")
        return trained, states

    def _encoder(self, ground: Ground, encoder: str) -> dict[str, float]:
        """The full job by one worker with another encoder."""
        answered = self._full(ground, *self._trained(encoder), 1, encoder)
        figures = {"pathcast": answered.rate, "neural_share": answered.neural}
        return {**figures, "score_us": answered.stages["score"], **answered.latency._asdict()}

    def _visitors(self, ground: Ground, parts: tuple[str, ...]) -> None:
        sizes, (trained, states) = self.sizes, self._trained(ENCODER)
        self.found["state_bytes"] = sum(map(len, states)) // len(states)
        if "full" in parts:
            answered = self._full(ground, trained, states, 1)
            self.found["full"] = {
                "pathcast": answered.rate,
                "neural_share": answered.neural,
                "records_per_chunk": answered.records_per_chunk,
                "stages": answered.stages,
            }
            self.found["latency"] = {**answered.latency._asdict(), "rate": sizes.rate}
        if "full" in parts and sizes.workers > 1:
            shared = self._full(ground, trained, states, sizes.workers)
            figures = {"workers": sizes.workers, "pathcast": shared.rate, "neural_share": shared.neural}
            self.found["shared"] = {**figures, **shared.latency._asdict()}
        if "recovery" in parts:
            place = settle(ground, "recovery", trained)
            self.found["recovery"] = vars(recovery(place, Crowd(sizes.recovered, states), sizes, self.say))
            forget(place)

    def _full(
        self, ground: Ground, trained: Model, states: Sequence[bytes], workers: int, encoder: str = ENCODER
    ) -> Full:
        place = settle(ground, f"full-{encoder}-{workers}", trained)
        crowd = Crowd(self.sizes.visitors, states)
        answered = full(place, self.log, crowd, replace(self.sizes, workers=workers), self.say)
        forget(place)
        return answered


@click.command()
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs, measures nothing.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these  [all].")
@click.option("--json", "path", type=click.Path(path_type=Path), default=JSON, help="Where figures go.")
@click.option("--write-docs", is_flag=True, help="Put the figures into docs/benchmarks.md.")
def main(quick: bool, parts: tuple[str, ...], path: Path, write_docs: bool) -> None:
    """Measure on this machine; needs the `bench` extra, a few GB of disk and about 15 minutes."""
    console, log = Console(), Log(SHIPPED) if quick else Log()
    if not GSTORE.exists():
        console.print("no ../shared/data/gstore: the shipped log is used instead")
    bench = Bench(QUICK if quick else Sizes(), console, log)
    bench.found = {**results.load(path), **bench.found} if parts else bench.found
    parts = parts or PARTS
    if "scoring" in parts:
        bench.alone()
    if "sealing" in parts:
        bench.found["sealing"] = sealing(bench.sizes.rounds * SEALED_ROUNDS, bench.say)
    if "training" in parts:
        bench.found["training"] = training(bench.sizes.sessions, bench.sizes.epochs, bench.say)
    if ON_A_BROKER & {*parts}:
        with ground() as here:
            bench.run(here, parts)
    bench.found["ratios"] = results.ratios(bench.found)
    results.save(bench.found, path)
    console.print(results.table(bench.found))
    if "full" in bench.found:
        console.print(results.stages(bench.found["full"]))
    if write_docs:
        document.write(DOCUMENT, bench.found)


if __name__ == "__main__":
    main()
