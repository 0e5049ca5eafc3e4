"""The pipeline without Kafka: records in, committed effects out, over a dict or a real RocksDB."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Limits
from models.contract.pseudonyms import Pseudonyms
from models.contract.updates import ModelReport
from models.decisions.actions import ActionSet
from models.decisions.policy import Policy
from models.decisions.policy_kinds import policy_of
from models.privacy.envelope import Envelopes
from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.state import panes, state_keys
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.effects import Effects, Reader, Work
from streams.metrics import Metrics
from streams.pipeline.processor import Pipeline
from streams.pipeline.served_policy import OnlyPolicy
from streams.privacy.sealing import Sealer
from streams.rollout.arm_versions import ArmVersions
from streams.rollout.experiments import Experiments
from streams.rollout.model_cache import ModelCache, policy_cache
from streams.rollout.models import Models
from streams.rollout.shadow import Shadow
from streams.service.lookups import Lookups

ACTIONS = (Path(__file__).parents[1] / "deploy/data/actions.toml").read_text()
FOREVER = 1e9


def worker_settings(**settings: Any) -> WorkerSettings:
    """The defaults, whatever this machine's environment says, with some settings changed."""
    return WorkerSettings.model_construct(**settings)


def processing_config(
    partitions: int = 1, names: TopicNames | None = None, **settings: Any
) -> ProcessingConfig:
    """What a pipeline is configured with; no deadline unless one is given."""
    chosen = worker_settings(**{"deadline_ms": FOREVER, **settings})
    return ProcessingConfig(names or TopicNames(), partitions, chosen)


class Record(NamedTuple):
    """A consumer record as far as a worker reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def records(events: Iterable[Mapping[str, Any]], offset: int = 0) -> list[Record]:
    """Consumer records of events, stamped with their own times."""
    return [
        Record(number, event["ts"], str(event["visitor_id"]).encode(), json.dumps(event).encode())
        for number, event in enumerate(events, start=offset)
    ]


class Memory(dict[bytes, bytes]):
    """A dict in the place of RocksDB."""

    def read(self, wanted: Sequence[bytes]) -> list[bytes | None]:
        return [dict.get(self, key) for key in wanted]

    def scan(self, prefix: bytes, start: bytes = b"") -> list[tuple[bytes, bytes]]:
        return [(key, self[key]) for key in sorted(self) if key.startswith(prefix) and key >= start]

    def write(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in pairs:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


class DictReader:
    """The reader of a `Memory`."""

    def __init__(self, memory: Memory) -> None:
        self.get, self.scan = memory.read, memory.scan


def arm_versions(registry: str = "registry") -> ArmVersions:
    """As a worker loads the versions that arms of experiments name."""
    return ArmVersions(partial(policy_cache, registry, Path("copies")))


class Offline:
    """One partition of a worker with everything but Kafka; `state` is what has been committed."""

    def __init__(
        self,
        version: Version | None = None,
        rules: ProcessingConfig | None = None,
        limits: Limits | None = None,
        reader: Reader | None = None,
        write: Any = None,
        pseudonyms: Pseudonyms | None = None,
        envelopes: Envelopes | None = None,
        topic_id: str = "one",
        actions: str | ActionSet = ACTIONS,
        policy: Policy | None = None,
        partition: int = 0,
        tell: Callable[[ModelReport], None] = lambda report: None,
    ) -> None:
        rules = rules or processing_config()
        self.names, self.partition = rules.names, partition
        self.state = Memory()
        self.reader: Reader = reader or DictReader(self.state)
        self._write = write or self.state.write
        self.metrics = Metrics()
        self.models = Models(
            ModelCache("registry", Path("copies"), "cpu"),
            self.metrics,
            Shadow(0.5, self.metrics),
            tell=tell,
        )
        self.models.current = version
        wire = rules.settings.wire_format()
        decoder = Decoder(limits or Limits(), Catalogue(), pseudonyms=pseudonyms, wire=wire)
        sealer = Sealer(envelopes, topic_id) if envelopes else None
        policy = policy or policy_of(actions if isinstance(actions, ActionSet) else ActionSet.load(actions))
        self.experiments = Experiments(OnlyPolicy(policy), arm_versions())
        self.pipeline = Pipeline(rules, decoder, self.experiments, self.models, self.metrics, sealer)
        self.lookups = Lookups(self.pipeline, self.models)
        self.pipeline.opened(partition, self.reader)
        self.watermark = 0

    def process(
        self, chunk: Sequence[Any], idle_to: int = 0, sides: Mapping[str, Sequence[Any]] | None = None
    ) -> Effects:
        """Process a chunk and commit what it came to; `sides` are records of other inputs by topic."""
        now = time.monotonic()
        work = Work(self.partition, chunk, self.reader, self.watermark, now, idle_to, sides or {})
        effects = self.pipeline.process([work])[0]
        self.commit(effects)
        return effects

    def commit(self, effects: Effects) -> None:
        """Write the state and say so to the pipeline."""
        self._write(effects.state)
        self.watermark = effects.watermark
        effects.applied()
        effects.committed()

    def run(self, chunk: Sequence[Any], size: int) -> list[dict[str, list[dict[str, Any]]]]:
        """Process in chunks of `size`; the decoded answers of each by topic."""
        return [self.answers(self.process(chunk[at : at + size])) for at in range(0, len(chunk), size)]

    def answers(self, effects: Effects) -> dict[str, list[dict[str, Any]]]:
        """Decoded answers by topic, without the dead letters."""
        return {
            topic: [json.loads(value or b"") for _, value, _ in messages]
            for topic, messages in effects.outputs.items()
            if topic != self.names.dead_letters
        }

    @property
    def popularity(self) -> Popularity:
        """What the partition's memory knows."""
        return self.pipeline.caches[self.partition].popularity

    def rebuilt_popularity(self) -> Popularity:
        """The same, derived from the state alone, as after a restart."""
        rebuilt = Popularity()
        rebuilt.add(panes.weights(self.reader.scan(state_keys.ITEM_PANE)))
        return rebuilt
