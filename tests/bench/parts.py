"""The parts of the benchmark, each a function that measures and keeps its figures: `--part NAME` runs one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import torch

from tests.bench import curves, takeover
from tests.bench.clicks import Log
from tests.bench.counting import counting
from tests.bench.dashboard import dashboard
from tests.bench.full import DEADLINE_MS, Throughput, latencies, ready, throughput
from tests.bench.gateway import gateway
from tests.bench.ground import Ground
from tests.bench.latency import bare
from tests.bench.model import ENCODER, Model, model
from tests.bench.per_event import per_event
from tests.bench.policies import decision_costs
from tests.bench.recovery import recovery
from tests.bench.results import Results
from tests.bench.retrieving import retrieving
from tests.bench.score_costs import score_costs
from tests.bench.scoring import scoring
from tests.bench.sealing import sealing
from tests.bench.sizes import Sizes
from tests.bench.starts import starts
from tests.bench.states import Crowd, full_states
from tests.bench.training import training
from tests.bench.working import Place, forget, settle


@dataclass
class Bench:
    """One run: its sizes, how it says where it is, and the figures so far, which `keep` saves."""

    sizes: Sizes
    say: Callable[[str], None]
    log: Log
    found: Results
    save: Callable[[Results], None]
    _trained: dict[str, tuple[Model, list[bytes]]] = field(default_factory=dict)

    def keep(self, name: str, figures: Any) -> None:
        """Add figures, beside those of the same part that are of another measure, and save all."""
        known = self.found.get(name)
        both = isinstance(known, dict) and isinstance(figures, dict)
        self.found[name] = {**known, **figures} if both else figures
        self.save(self.found)

    def trained(self, encoder: str = ENCODER) -> tuple[Model, list[bytes]]:
        """A model, and visitors' records that it has made."""
        if encoder not in self._trained:
            made = model(self.log, self.sizes, encoder)
            self.say(f"model {made.version.id} ({encoder}), {len(made.version.vocabulary.ids):,} items")
            states = full_states(self.log.pasts(self.sizes.templates), made.version)
            mean = sum(map(len, states)) // len(states)
            self.say(f"{len(states):,} visitors with 50 codes each, mean state {mean:,} bytes")
            self._trained[encoder] = made, states
        return self._trained[encoder]

    @contextmanager
    def settled(self, ground: Ground, name: str, encoder: str = ENCODER) -> Iterator[Place]:
        """An installation of its own, removed afterwards."""
        place = settle(ground, name, self.trained(encoder)[0])
        try:
            yield place
        finally:
            forget(place)

    @cached_property
    def crowd(self) -> Crowd:
        """The visitors of most parts."""
        return Crowd(self.sizes.visitors, self.trained()[1])


def _scoring(bench: Bench, _: Ground) -> None:
    torch.set_num_threads(1)
    bench.keep("scoring", scoring(bench.sizes.timed_seconds, bench.say))
    bench.keep("retrieving", retrieving(bench.sizes.timed_seconds, bench.say, bench.sizes.catalogues))


def _score(bench: Bench, _: Ground) -> None:
    """The measured model's scores, without a broker."""
    bench.keep("score", score_costs(bench.log, bench.trained()[0], bench.sizes.timed_seconds, bench.say))


def _sealing(bench: Bench, _: Ground) -> None:
    bench.keep("sealing", sealing(bench.sizes.sealed, bench.say))


def _deciding(bench: Bench, _: Ground) -> None:
    """A decision of every policy, without a broker."""
    bench.keep("decision_cost", decision_costs(bench.sizes.decided, bench.say))


def _training(bench: Bench, _: Ground) -> None:
    bench.keep("training", training(bench.sizes.sessions, 3 if bench.sizes.epochs is None else 1, bench.say))


def _counting(bench: Bench, ground: Ground) -> None:
    bench.keep("counting", counting(ground, bench.sizes, bench.say))
    alone = bare(ground, bench.sizes)
    bench.say(f"counting: latency p50 {alone.p50_ms:.1f} ms, p99 {alone.p99_ms:.1f} ms")
    bench.keep("bare", alone._asdict())


def _full(bench: Bench, ground: Ground) -> None:
    """The full job by one worker."""
    with bench.settled(ground, "full") as place:
        with ready(place, bench.crowd, 1, bench.say, PATHCAST_DEADLINE_MS=DEADLINE_MS) as found:
            made = throughput(place, found, bench.log, bench.sizes.answered, bench.sizes.visitors)
    bench.say(f"full job: {made.rate:,.0f} clicks/s")
    bench.keep("full", _figures(made) | {"items": len(place.model.version.vocabulary.ids)})


def _figures(made: Throughput) -> dict[str, Any]:
    figures = asdict(made)
    return {"pathcast": figures.pop("rate"), "neural_share": figures.pop("neural"), **figures}


def _per_event(bench: Bench, ground: Ground) -> None:
    """The same job by other engines, one click at a time."""
    made, states = bench.trained()
    rates = per_event(ground, made, states, bench.log, bench.sizes, bench.say)
    bench.keep("full", {f"{name}_per_event": rate for name, rate in rates.items()})


def _latency(bench: Bench, ground: Ground) -> None:
    """The full job by one worker at default settings, at several rates."""
    with bench.settled(ground, "latency") as place:
        with ready(place, bench.crowd, 1, bench.say) as found:
            made = latencies(place, found, bench.log, bench.sizes, bench.sizes.rates, bench.say)
    bench.found.pop("latency", None)
    bench.keep("latency", {"by_rate": made})


def _workers(bench: Bench, ground: Ground) -> None:
    """The full job by a worker per core."""
    bench.keep("shared", {"workers": bench.sizes.workers, **_shared(bench, ground)})


def _shared(bench: Bench, ground: Ground, encoder: str = ENCODER) -> dict[str, Any]:
    """The full job and its latency: by several workers, or by one with another encoder."""
    own = encoder == ENCODER
    count, crowd = bench.sizes.workers if own else 1, Crowd(bench.sizes.visitors, bench.trained(encoder)[1])
    with bench.settled(ground, f"shared-{encoder}", encoder) as place:
        with ready(place, crowd, count, bench.say, PATHCAST_DEADLINE_MS=DEADLINE_MS) as found:
            made = throughput(place, found, bench.log, bench.sizes.answered, bench.sizes.visitors)
            bench.say(f"full job, {count} worker(s), {encoder}: {made.rate:,.0f} clicks/s")
            rate = bench.sizes.rate
            waits = latencies(place, found, bench.log, bench.sizes, (rate,), bench.say).get(str(rate), {})
    return {**_figures(made), **{name: waits.get(name) for name in ("p50_ms", "p99_ms", "rate")}}


def _encoders(bench: Bench, ground: Ground) -> None:
    """The full job with each encoder but the default."""
    for name in bench.sizes.encoders:
        bench.keep("encoders", {name: _shared(bench, ground, name)})


def _curves(bench: Bench, ground: Ground) -> None:
    """Throughput over items and over visitors."""
    made, states = bench.trained()
    log, sizes, say = bench.log, bench.sizes, bench.say
    curves.over_items(ground, made, log, sizes, say, lambda points: bench.keep("curves", {"items": points}))
    curves.over_visitors(
        ground, made, states, log, sizes, say, lambda points: bench.keep("curves", {"visitors": points})
    )


def _recovery(bench: Bench, ground: Ground) -> None:
    """Recovery and memory of many visitors."""
    crowd = Crowd(bench.sizes.recovered, bench.trained()[1])
    with bench.settled(ground, "recovery") as place:
        recovered, memory = recovery(place, crowd, bench.sizes, bench.say)
    bench.keep("recovery", asdict(recovered))
    bench.keep("memory", asdict(memory))


def _takeover(bench: Bench, ground: Ground) -> None:
    """A worker killed while clicks go on."""
    with bench.settled(ground, "takeover") as place:
        bench.keep("takeover", takeover.takeover(place, bench.log, bench.sizes, bench.say))


def _rebalance(bench: Bench, ground: Ground) -> None:
    """Workers that come and go while clicks go on."""
    with bench.settled(ground, "rebalance") as place:
        bench.keep("rebalance", takeover.rebalances(place, bench.log, bench.sizes, bench.say))


def _start(bench: Bench, ground: Ground) -> None:
    """From start to ready."""
    with bench.settled(ground, "start") as place:
        bench.keep("start", starts(place, bench.sizes.starts, bench.say))


def _gateway(bench: Bench, ground: Ground) -> None:
    """The gateway beside a worker."""
    with bench.settled(ground, "gateway") as place:
        bench.keep("gateway", gateway(place, bench.log, bench.sizes, bench.say))


def _dashboard(bench: Bench, ground: Ground) -> None:
    """What an open dashboard costs a worker."""
    with bench.settled(ground, "dashboard") as place:
        with ready(place, bench.crowd, 1, bench.say, PATHCAST_DEADLINE_MS=DEADLINE_MS) as found:
            bench.keep("dashboard", dashboard(place, found, bench.log, bench.sizes, bench.say))


#: By name, in the order in which all of them run.
PARTS: dict[str, Callable[[Bench, Ground], None]] = {
    "scoring": _scoring,
    "score": _score,
    "sealing": _sealing,
    "deciding": _deciding,
    "training": _training,
    "counting": _counting,
    "full": _full,
    "per-event": _per_event,
    "latency": _latency,
    "workers": _workers,
    "encoders": _encoders,
    "curves": _curves,
    "recovery": _recovery,
    "takeover": _takeover,
    "rebalance": _rebalance,
    "start": _start,
    "gateway": _gateway,
    "dashboard": _dashboard,
}
#: Those that need no broker.
ALONE = frozenset({"scoring", "score", "sealing", "deciding", "training"})
