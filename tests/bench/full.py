"""Pathcast's full job: three answers a click, every visitor with a full-size state."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.bench.clicks import Log, rows
from tests.bench.filling import fill
from tests.bench.ground import BenchError
from tests.bench.latency import Latency, latency
from tests.bench.sizes import Sizes
from tests.bench.states import Crowd
from tests.bench.working import Place, Worker, workers

#: Clicks a second of event time in the stream: its chunks then hold mostly different visitors.
DENSITY = 500
HOUR_MS = 3_600_000
#: A backlog is worked off as fast as possible: clicks wait in it for longer than a live answer may take.
DEADLINE_MS = "60000"
STAGES = ("decode", "read", "step", "score", "decide", "encode", "write", "publish", "store")
Samples = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Full:
    """`rate` in clicks/s, the share of neural answers, and microseconds a click by stage."""

    rate: float
    neural: float
    stages: dict[str, float]
    records_per_chunk: float
    latency: Latency


def full(place: Place, log: Log, crowd: Crowd, sizes: Sizes, say: Callable[[str], None]) -> Full:
    """Recover the crowd, answer as fast as possible, then at a fixed rate. Raises BenchError."""
    now = int(time.time() * 1000)
    ground = place.ground
    fill(ground.bootstrap, place.changelog, crowd.records())
    fill(ground.bootstrap, place.changelog, crowd.timers())
    stream = log.stream(sizes.answered, DENSITY, now - HOUR_MS, sizes.visitors)
    with workers(place, sizes.workers, PATHCAST_DEADLINE_MS=DEADLINE_MS) as found:
        say(f"full job: {sizes.visitors:,} visitors recovered in {found[0].ready_seconds:.1f} s")
        fill(ground.bootstrap, place.names.clicks, rows(stream))
        last = place.names.ad_decisions
        rate = ground.steady(last, len(stream), found[0].running, whole=True).per_second
        samples = _sum(worker.metrics() for worker in found)
        say(f"full job: {rate:,.0f} clicks/s")
        measured = latency(place, log, sizes, stream["ts"][-1] + 1)
        say(f"latency: p50 {measured.p50_ms:.1f} ms, p99 {measured.p99_ms:.1f} ms")
        neural = _neural(found[0], samples)
    clicks = samples["pathcast_events_total", ""]
    chunks = samples["pathcast_chunk_records_count", ""]
    return Full(rate, neural, _stages(samples, clicks), clicks / chunks, measured)


def _sum(samples: Iterable[Samples]) -> Samples:
    total: dict[tuple[str, str], float] = defaultdict(float)
    for sample in samples:
        for name, value in sample.items():
            total[name] += value
    return total


def _neural(found: Worker, samples: Samples) -> float:
    """The share of answers from the top tier. Raises BenchError where clicks were refused."""
    refused = sum(value for (name, _), value in samples.items() if name == "pathcast_dead_letters_total")
    if refused:
        raise found.running.error(f"{refused:.0f} clicks were refused")
    tiers = {tier: value for (name, tier), value in samples.items() if name == "pathcast_answers_total"}
    if not tiers:
        raise BenchError("the worker counted no answers")
    return tiers.get("neural", 0.0) / sum(tiers.values())


def _stages(samples: Samples, clicks: float) -> dict[str, float]:
    name = "pathcast_stage_seconds_sum"
    found = {stage: value for (sample, stage), value in samples.items() if sample == name}
    order = sorted(found, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    return {stage: found[stage] / clicks * 1e6 for stage in order}
