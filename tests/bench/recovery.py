"""Recovery: every visitor's full-size state from the changelog onto an empty disk."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from models.state import visitor
from models.state.codes import category_hash
from streams.partition_state.cache import describe
from streams.service.visitor_profile import UNNAMED_CATEGORY
from tests.bench.clicks import visitor_id
from tests.bench.filling import fill
from tests.bench.ground import BenchError
from tests.bench.sizes import Sizes
from tests.bench.states import Crowd
from tests.bench.working import Place, Worker, worker

#: As a worker's producer writes the changelog.
COMPRESSION = "none"
#: How many recovered visitors are compared with what was written last.
COMPARED = 200


@dataclass(frozen=True)
class Recovery:
    """`changelog_bytes` on the broker's disk when the worker started, after what it had compacted by then."""

    visitors: int
    seconds: float
    changelog_bytes: int


@dataclass(frozen=True)
class Memory:
    """Bytes a visitor: of the record, in the changelog (written once) and on the worker's disk; and the bytes
    of all in the memory of the worker, when it has just recovered them.
    """

    visitors: int
    record_bytes: float
    changelog_bytes_per_visitor: float
    disk_bytes_per_visitor: float
    resident_bytes: int


def recovery(place: Place, crowd: Crowd, sizes: Sizes, say: Callable[[str], None]) -> tuple[Recovery, Memory]:
    """Write every visitor `sizes.updates` times, then start a worker. Raises BenchError."""
    ground, last, once = place.ground, sizes.updates - 1, 0
    for turn in range(sizes.updates):
        fill(ground.bootstrap, place.changelog, crowd.records(turn), COMPRESSION)
        once = once or ground.size(place.changelog)
        say(f"recovery: update {turn + 1} of {sizes.updates} written, {ground.size(place.changelog):,} bytes")
    fill(ground.bootstrap, place.changelog, crowd.timers(last), COMPRESSION)
    size = ground.size(place.changelog)
    with worker(place) as (found, before):
        if 503 not in before:
            raise BenchError(f"/readyz answered {before} before the state was there, expected 503")
        _compare(found, crowd, sizes, last)
        seconds, resident = found.ready_seconds, found.resident_bytes()
    # Stopped, so that all is in files.
    disk = _size(ground.folder / f"{place.name}-data")
    say(f"recovery: {sizes.recovered:,} visitors in {seconds:.1f} s from {size:,} bytes, {disk:,} on disk")
    mean = sum(map(len, crowd.states)) / len(crowd.states)
    memory = Memory(len(crowd), mean, once / len(crowd), disk / len(crowd), resident)
    return Recovery(sizes.recovered, seconds, size), memory


def _size(folder: Path) -> int:
    """Bytes of the RocksDB files of all partitions."""
    return sum(file.stat().st_size for file in folder.rglob("*.sst"))


def _compare(found: Worker, crowd: Crowd, sizes: Sizes, last: int) -> None:
    """What the worker knows is what was written last."""
    step = max(1, sizes.recovered // COMPARED)
    for number in islice(range(0, sizes.recovered, step), COMPARED):
        known = found.visitor(visitor_id(number))["state"]
        known["categories"] = {_hash(name): weight for name, weight in known["categories"].items()}
        expected = describe(visitor.decode(crowd.state(number, last)))
        if known != expected:
            raise BenchError(f"{visitor_id(number)} was recovered as {known}, expected {expected}")


def _hash(category: str) -> str:
    """The key of a category in `describe`, of which the worker gives the name where it knows one."""
    unnamed = category.removeprefix(UNNAMED_CATEGORY)
    return str(category_hash(category) if unnamed == category else int(unnamed, 16))
