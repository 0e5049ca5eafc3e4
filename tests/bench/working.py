"""A real worker process under measurement, and the topics that it works on."""

import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import psutil
from prometheus_client.parser import text_string_to_metric_families

from deploy.broker.broker_process import free_port
from deploy.cluster.records import RecordSource, catalogue
from deploy.cluster.topic_creation import ensure
from models.features.features import FEATURES_VERSION
from streams.config.topics import TopicNames
from streams.transport.app import CHANGELOG
from tests.bench.clicks import ROOT
from tests.bench.filling import fill
from tests.bench.ground import PARTITIONS, BenchError, Ground, Running
from tests.bench.model import Model
from trainer.promotion.announce import announce, announcement

#: Seconds until a worker must be ready.
READY_WITHIN = 300.0
#: A worker's metrics by name and first label's value.
Samples = Mapping[tuple[str, str], float]
COMMAND = "from deploy.cli import main; main()"


@dataclass(frozen=True)
class Place:
    """One installation on the ground: topics of its own, catalogue and model published."""

    ground: Ground
    name: str
    names: TopicNames
    model: Model

    @property
    def changelog(self) -> str:
        """The topic of the state, as the worker names it."""
        return f"{self.name}-state-changelog"

    @property
    def answers(self) -> tuple[str, str, str]:
        """The three outputs."""
        return self.names.purchase_intent, self.names.recommendations, self.names.ad_decisions


def settle(ground: Ground, name: str, model: Model) -> Place:
    """Create the topics (the changelog as the worker would), publish the catalogue, announce the model."""
    fields = {role: f"{name}-{field.default}" for role, field in TopicNames.model_fields.items()}
    names = TopicNames(**fields)
    ensure(ground.connection, names, PARTITIONS)
    place = Place(ground, name, names, model)
    ground.create(place.changelog, CHANGELOG)
    batch = catalogue(RecordSource(model.log), None)
    fill(ground.bootstrap, names.items, zip(batch.keys, batch.values, strict=True))
    told = announcement(model.version, FEATURES_VERSION)
    announce(told, ground.connection.kafka_python(), names.model_updates)
    return place


@dataclass
class Worker:
    """A running worker, seen through its endpoints.

    `started` is when (`time.perf_counter`), `ready_seconds` from then until it was ready.
    """

    running: Running
    port: int
    started: float
    ready_seconds: float = 0.0

    def status(self, path: str) -> tuple[int, bytes]:
        """HTTP status and body; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def metrics(self) -> dict[tuple[str, str], float]:
        """Samples by name and first label's value (empty without labels)."""
        text = self.status("/metrics")[1].decode()
        families = text_string_to_metric_families(text)
        samples = (sample for family in families for sample in family.samples)
        return {(s.name, next(iter(s.labels.values()), "")): s.value for s in samples if "le" not in s.labels}

    def resident_bytes(self) -> int:
        """Its memory, as the system counts it."""
        memory: int = psutil.Process(self.running.process.pid).memory_info().rss
        return memory

    def visitor(self, identity: str) -> dict[str, Any]:
        """What it knows of a visitor. Raises BenchError where that is nothing."""
        code, body = self.status(f"/visitors/{identity}")
        if code != 200:
            raise BenchError(f"/visitors/{identity} answered {code}: {body[:200]!r}")
        known: dict[str, Any] = msgspec.json.decode(body)
        return known

    def wait(self) -> set[int]:
        """Until it is ready for the first time; the statuses of /readyz on the way. Raises BenchError."""
        before = self._ready(self.started)
        self.ready_seconds = time.perf_counter() - self.started
        return before

    def settle(self) -> None:
        """Until it is ready again, after a rebalance. Raises BenchError."""
        self._ready(time.perf_counter())

    def _ready(self, since: float) -> set[int]:
        before: set[int] = set()
        while (status := self.status("/readyz")[0]) != 200:
            before.add(status)
            self.running.check()
            if time.perf_counter() - since > READY_WITHIN:
                raise self.running.error(f"not ready within {READY_WITHIN:.0f} s")
            time.sleep(0.05)
        return before - {0}


@contextmanager
def launched(place: Place, **settings: str) -> Iterator[Worker]:
    """A `pathcast worker` that has just been started."""
    ground, port = place.ground, free_port()
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": ground.bootstrap,
        "PATHCAST_APPLICATION_ID": place.name,
        "PATHCAST_DATADIR": str(ground.folder / f"{place.name}-data"),
        "PATHCAST_REGISTRY": str(place.model.registry),
        "PATHCAST_WEB_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        **{f"PATHCAST_TOPIC_{role.upper()}": name for role, name in place.names.model_dump().items()},
        **settings,
    }
    started = time.perf_counter()
    command = [sys.executable, "-c", COMMAND, "worker"]
    with ground.process(f"{place.name}-worker-{port}", command, env) as running:
        yield Worker(running, port, started)


@contextmanager
def worker(place: Place, **settings: str) -> Iterator[tuple[Worker, set[int]]]:
    """A `pathcast worker` on an empty disk, ready; and the statuses of /readyz before it was."""
    with launched(place, **settings) as found:
        before = found.wait()
        yield found, before


@contextmanager
def workers(place: Place, names: Iterable[str], **settings: str) -> Iterator[list[Worker]]:
    """Workers that share the partitions, each with a folder `name` of its own, started at once; all ready."""
    with ExitStack() as stack:
        found = []
        for name in names:
            datadir = str(place.ground.folder / f"{place.name}-data" / name)
            found.append(stack.enter_context(launched(place, PATHCAST_DATADIR=datadir, **settings)))
        for one in found:
            one.wait()
        # The last one to join takes partitions of the others, which are then not ready for a moment.
        for one in found:
            one.settle()
        yield found


def forget(place: Place) -> None:
    """Remove the installation's topics and its state."""

    place.ground.delete(*place.names.model_dump().values(), place.changelog)
    shutil.rmtree(place.ground.folder / f"{place.name}-data", ignore_errors=True)
