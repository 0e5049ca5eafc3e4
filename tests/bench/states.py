"""Full-size states: real pasts taken through the real pipeline, and as many visitors with them as wanted."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from deploy.cluster.actions_text import actions_text
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Limits
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.registry.versions import Version
from models.state import state_keys, visitor
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.effects import Work
from streams.metrics import Metrics
from streams.pipeline.processor import Pipeline
from streams.pipeline.served_policy import OnlyPolicy
from streams.rollout.model_cache import ModelCache
from streams.rollout.models import Models
from streams.rollout.shadow import Shadow
from streams.transport.routing import home
from tests.bench.clicks import PAUSE_MS, rows, visitor_id
from tests.bench.ground import PARTITIONS

CHUNK = 2_000


class Record(NamedTuple):
    """A Kafka record as far as the pipeline reads it."""

    key: bytes
    value: bytes
    timestamp: int
    offset: int
    headers: tuple[()] = ()


class Shelf:
    """A partition's state in memory."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}

    def get(self, wanted: Sequence[bytes]) -> list[bytes | None]:
        """Values in order, None where there is none."""
        return [self.pairs.get(key) for key in wanted]

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Pairs under a prefix in key order, from `start` on."""
        found = (pair for pair in self.pairs.items() if pair[0].startswith(prefix) and pair[0] >= start)
        return iter(sorted(found))

    def apply(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Puts and deletes."""
        for key, value in changes:
            if value is None:
                self.pairs.pop(key, None)
            else:
                self.pairs[key] = value


def full_states(past: pl.DataFrame, version: Version) -> list[bytes]:
    """Visitors' records after their pasts and the end of their last sessions: those with all 50 codes."""
    pipeline, shelf, watermark = _pipeline(version), Shelf(), 0
    pipeline.opened(0, shelf)
    times = past["ts"].to_list()
    records = [Record(*pair, ts, 0) for pair, ts in zip(rows(past), times, strict=True)]
    works = [Work(0, records[at : at + CHUNK], shelf, 0, 0.0) for at in range(0, len(records), CHUNK)]
    for work in [*works, Work(0, (), shelf, 0, 0.0, idle_to=times[-1] + PAUSE_MS)]:
        work.watermark = watermark
        effects = pipeline.process([work])[0]
        shelf.apply(effects.state)
        watermark = effects.watermark
        effects.applied()
        effects.committed()
    stepped = [value for key, value in shelf.pairs.items() if key.startswith(state_keys.VISITOR)]
    return [value for value in stepped if len(visitor.decode(value).codes) == visitor.CODES_BYTES]


def _pipeline(version: Version) -> Pipeline:
    settings, names, metrics = WorkerSettings(deadline_ms=1e9), TopicNames(), Metrics()
    models = Models(
        ModelCache(str(version.path.parent), version.path.parent, "cpu"), metrics, Shadow(0.1, metrics)
    )
    models.current = version
    policy = policy_of(ActionSet.load(actions_text(settings)))
    decoder = Decoder(Limits(check_skew=False), Catalogue())
    return Pipeline(
        ProcessingConfig(names, PARTITIONS, settings), decoder, OnlyPolicy(policy), models, metrics
    )


class Crowd:
    """`count` visitors with the given records in turn, as changelog records."""

    def __init__(self, count: int, states: Sequence[bytes]) -> None:
        self.states = states
        self._timers = [visitor.decode(state).timer for state in states]
        self._keys = [visitor_id(number).encode() for number in range(count)]
        self._homes = [home(key, PARTITIONS) for key in self._keys]

    def __len__(self) -> int:
        return len(self._keys)

    def state(self, number: int, turn: int = 0) -> bytes:
        """The record of a visitor in its update number `turn`."""
        return self.states[(number + turn) % len(self.states)]

    def records(self, turn: int = 0) -> Iterator[tuple[bytes, bytes, int]]:
        """Key, value, partition of every visitor's record."""
        for number, (key, partition) in enumerate(zip(self._keys, self._homes, strict=True)):
            yield state_keys.VISITOR + key, self.state(number, turn), partition

    def timers(self, turn: int = 0) -> Iterator[tuple[bytes, bytes, int]]:
        """Key, value, partition of every visitor's timer after update `turn`."""
        timers = self._timers
        for number, (key, partition) in enumerate(zip(self._keys, self._homes, strict=True)):
            yield (
                state_keys.timer(timers[(number + turn) % len(timers)], state_keys.VISITOR + key),
                b"",
                partition,
            )
