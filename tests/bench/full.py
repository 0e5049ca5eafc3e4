"""Pathcast's full job: three answers a click, every visitor with a full-size state."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.clicks import Log, rows
from tests.bench.filling import fill
from tests.bench.ground import BenchError
from tests.bench.latency import latency
from tests.bench.processor_time import ProcessorTime
from tests.bench.sizes import Sizes
from tests.bench.states import Crowd
from tests.bench.working import Place, Samples, Worker, workers

#: Clicks a second of event time in the stream: its chunks then hold mostly different visitors.
DENSITY = 500
HOUR_MS = 3_600_000
#: A backlog is worked off as fast as possible: clicks wait in it for longer than a live answer may take.
DEADLINE_MS = "60000"
STAGES = ("decode", "read", "step", "score", "decide", "encode", "write", "publish", "store")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Throughput:
    """`rate` in clicks/s, the share of neural answers, microseconds of a worker's time a click by stage.

    `cpu_us` are microseconds of processor time a click, of all workers, of the broker and of the measuring
    client; `broker_bytes` is what the broker writes of a click: itself, its answers, the changelog.
    `resident_bytes` is the memory of the first worker at the end.
    """

    rate: float
    neural: float
    stages: dict[str, float]
    records_per_chunk: float
    cpu_us: dict[str, float]
    broker_bytes: float
    resident_bytes: int


@contextmanager
def ready(place: Place, crowd: Crowd, count: int, say: Say, **settings: str) -> Iterator[list[Worker]]:
    """`count` workers that have recovered the crowd. Raises BenchError."""
    bootstrap = place.ground.bootstrap
    fill(bootstrap, place.changelog, crowd.records())
    fill(bootstrap, place.changelog, crowd.timers())
    with workers(place, map(str, range(count)), **settings) as found:
        say(f"{len(crowd):,} visitors recovered in {found[0].ready_seconds:.1f} s by {count} worker(s)")
        yield found


def throughput(
    place: Place, found: list[Worker], log: Log, clicks: int, visitors: int, first: int = 0
) -> Throughput:
    """Answer `clicks` as fast as possible, the log's from number `first` on. Raises BenchError."""
    ground = place.ground
    start = int(time.time() * 1000) - HOUR_MS + 1000 * first // DENSITY
    stream = log.stream(clicks, DENSITY, start, visitors, first=first)
    last, pairs, before = place.names.ad_decisions, rows(stream), summed(found)
    topics = (place.names.clicks, *place.answers, place.changelog)
    size, spent = (
        sum(map(ground.size, topics)),
        ProcessorTime((worker.running.process.pid for worker in found), ground.broker),
    )
    since = ground.end(last)
    fill(ground.bootstrap, place.names.clicks, pairs)
    rate = ground.steady(last, len(stream), found[0].running, whole=True, since=since).per_second
    written = (sum(map(ground.size, topics)) - size) / clicks
    cpu = {name: seconds / clicks * 1e6 for name, seconds in spent.since().items()}
    samples = difference(summed(found), before)
    answered = samples["pathcast_events_total", ""]
    chunks = max(1.0, samples["pathcast_chunk_records_count", ""])
    stages = {name: seconds / answered * 1e6 for name, seconds in stage_seconds(samples).items()}
    tier, resident = neural(found[0], samples), found[0].resident_bytes()
    return Throughput(rate, tier, stages, answered / chunks, cpu, written, resident)


def latencies(
    place: Place, found: list[Worker], log: Log, sizes: Sizes, rates: Sequence[int], say: Say
) -> dict[str, dict[str, Any]]:
    """By rate: latency, share of neural answers, clicks a chunk, and a chunk's milliseconds by stage.

    A rate at which answers do not come in time is left out, and so are those above it.
    """
    made: dict[str, dict[str, Any]] = {}
    start = int(time.time() * 1000) - HOUR_MS // 2
    for rate in rates:
        before = summed(found)
        try:
            one, start = latency(place, log, sizes, rate, start)
        except BenchError as error:
            say(f"latency at {rate:,} clicks/s: none, {error}")
            break
        samples = difference(summed(found), before)
        made[str(rate)] = {**one._asdict(), "neural_share": neural(found[0], samples), **_chunks(samples)}
        say(f"latency at {rate:,} clicks/s: p50 {one.p50_ms:.1f} ms, p99 {one.p99_ms:.1f} ms")
    return made


def _chunks(samples: Samples) -> dict[str, Any]:
    chunks = max(1.0, samples["pathcast_chunk_records_count", ""])
    stages = {name: seconds / chunks * 1e3 for name, seconds in stage_seconds(samples).items()}
    return {"records_per_chunk": samples["pathcast_events_total", ""] / chunks, "stages_ms": stages}


def summed(found: Iterable[Worker]) -> Samples:
    """The workers' metrics, added up."""
    total: dict[tuple[str, str], float] = defaultdict(float)
    for worker in found:
        for name, value in worker.metrics().items():
            total[name] += value
    return total


def difference(after: Samples, before: Samples) -> Samples:
    """What was added to each metric."""
    return defaultdict(float, {name: value - before.get(name, 0.0) for name, value in after.items()})


def neural(found: Worker, samples: Samples) -> float:
    """The share of answers from the top tier. Raises BenchError where clicks were refused."""
    refused = sum(value for (name, _), value in samples.items() if name == "pathcast_dead_letters_total")
    if refused:
        raise found.running.error(f"{refused:.0f} clicks were refused")
    tiers = {tier: value for (name, tier), value in samples.items() if name == "pathcast_answers_total"}
    if not sum(tiers.values()):
        raise BenchError("the worker counted no answers")
    return tiers.get("neural", 0.0) / sum(tiers.values())


def stage_seconds(samples: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Seconds by stage, in the order of a chunk's way."""
    name = "pathcast_stage_seconds_sum"
    found = {stage: value for (sample, stage), value in samples.items() if sample == name}
    order = sorted(found, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    return {stage: found[stage] for stage in order}
