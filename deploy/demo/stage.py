"""What stands before the curtain rises: broker, topics, model, catalogue, worker; and how it is put away."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.demo import parts
from deploy.demo.log import DemoLog, prepare, shipped
from deploy.demo.parts import Worker
from deploy.distribution import cache_directory
from deploy.logs import Source
from deploy.replay import publish_items
from deploy.topics import ensure
from models.features import FEATURES_VERSION
from streams.connection import Connection
from streams.topics import TopicNames
from trainer.promote import announce, announcement


@dataclass(frozen=True)
class Stage:
    """Everything that is up, and how to reach it."""

    to: Connection
    names: TopicNames
    log: DemoLog
    worker: Worker


class Builder:
    """Puts up one part after the other, each with a line that says so; `down` takes them away in reverse."""

    def __init__(self, console: Console, down: ExitStack) -> None:
        self._console, self._down = console, down
        self._run = parts.new_run()
        self._cache = cache_directory() / "demo"
        self._started = time.monotonic()

    def build(self) -> Stage:
        """Raises PathcastError, naming what failed."""
        self._cache.mkdir(parents=True, exist_ok=True)
        to = self._broker()
        names = self._topics(to)
        log = prepare(self._cache)
        self._model(to, names, log)
        return Stage(to, names, log, self._worker(to, names))

    def _say(self, text: str) -> None:
        self._console.print(f"[dim]{time.monotonic() - self._started:5.1f} s[/]  {text}", highlight=False)

    def _broker(self) -> Connection:
        with self._console.status("starting Apache Kafka"):
            broker, bootstrap = parts.start_broker()
        if broker:
            self._down.callback(broker.stop)
        to = Connection(bootstrap_servers=bootstrap)
        if broker:
            # Nobody else can be using a broker that was not running: what is there of demos is left over.
            parts.forget(to, parts.PREFIX)
        self._say(f"Apache Kafka {'started' if broker else 'found'} at {bootstrap}")
        return to

    def _topics(self, to: Connection) -> TopicNames:
        names = parts.topic_names(self._run)
        self._down.callback(parts.forget, to, self._run)
        with self._console.status("creating topics"):
            ensure(to, names)
            count = publish_items(to, Source(shipped()), None, names.items)
        self._say(f"topics {self._run}-* created, {count:,} items published")
        return names

    def _model(self, to: Connection, names: TopicNames, log: DemoLog) -> None:
        self._say("model: learned from January, or taken from an earlier run")
        version, made = parts.model(log, self._cache)
        announce(announcement(version, FEATURES_VERSION), to.kafka_python(), names.model_updates)
        self._say(f"model {version.id} {'trained' if made else 'kept from an earlier run'} and announced")

    def _worker(self, to: Connection, names: TopicNames) -> Worker:
        folder = Path(tempfile.mkdtemp(prefix=f"{self._run}-"))
        with self._console.status("starting a worker"):
            worker = Worker(folder / "worker.log", self._environment(to, names, folder))
            self._down.push(_keeping_log_of_failure(folder))
            self._down.callback(worker.stop)
            worker.await_ready()
        self._say(f"worker ready, its endpoints at {worker.url}")
        return worker

    def _environment(self, to: Connection, names: TopicNames, folder: Path) -> dict[str, str]:
        topics = {f"PATHCAST_TOPIC_{role.upper()}": name for role, name in names.model_dump().items()}
        return topics | {
            "KAFKA_BOOTSTRAP_SERVERS": to.bootstrap_servers,
            "PATHCAST_APPLICATION_ID": self._run,
            "PATHCAST_DATADIR": str(folder / "state"),
            "PATHCAST_REGISTRY": str(self._cache),
            "PATHCAST_LOG_FORMAT": "console",
        }


def _keeping_log_of_failure(folder: Path) -> Callable[..., None]:
    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Exception):
            shutil.rmtree(folder, ignore_errors=True)

    return leave


@contextmanager
def stage(console: Console) -> Iterator[Stage]:
    """All parts up; at the end all that this call started is stopped and what it left is removed."""
    with ExitStack() as down:
        yield Builder(console, down).build()
