"""What a demo needs before clicks flow: broker, topics, model, catalogue, worker, trainer; started and
stopped.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import TopicPartition
from rich.console import Console

from deploy.broker.distribution import cache_directory
from deploy.cluster.records import RecordSource, now_ms
from deploy.cluster.replay import publish_items
from deploy.cluster.topic_creation import ensure
from deploy.demo import setup, teaching
from deploy.demo.children import GatewayProcess, TrainerProcess, WorkerProcess
from deploy.demo.learning import NEVER, DemoPlan, Learning, eased
from deploy.demo.shipped_log import DemoLog, prepare, shipped
from deploy.demo.warm_start_trainer import DemoTrainer, answered
from deploy.demo.watch import ends
from models.features.features import FEATURES_VERSION
from models.registry.version_files import Registered
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from trainer.promotion.announce import announce, announcement
from trainer.promotion.promotions import Promotions


@dataclass(frozen=True)
class Stage:
    """The running parts and how to reach them; `starts` are the offsets where February begins."""

    to: Connection
    names: TopicNames
    log: DemoLog
    worker: WorkerProcess
    starts: Mapping[TopicPartition, int]
    trainer: DemoTrainer | None


class Builder:
    """Starts one part after the other and prints a line for each; `down` stops them in reverse order."""

    def __init__(self, console: Console, down: ExitStack, plan: DemoPlan | None) -> None:
        self._console, self._down, self._plan = console, down, plan
        self._run = setup.new_run()
        self._cache = cache_directory() / "demo"
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self._run}-"))
        down.push(_keeping_log_of_failure(self._folder))
        self._started = time.monotonic()

    def build(self) -> Stage:
        """Start all parts. Raises PathcastError, naming what failed."""
        self._cache.mkdir(parents=True, exist_ok=True)
        to = self._broker()
        names = self._topics(to)
        log = prepare(self._cache)
        learnt = Learning(self._folder, *(self._plan or NEVER))
        self._model(to, names, log, learnt)
        worker = self._worker(to, names, learnt)
        trainer = self._trainer(to, names, log, worker, learnt) if self._plan else None
        return Stage(to, names, log, worker, ends(to, names), trainer)

    def _say(self, text: str) -> None:
        self._console.print(f"[dim]{time.monotonic() - self._started:5.1f} s[/]  {text}", highlight=False)

    def _broker(self) -> Connection:
        with self._console.status("starting Apache Kafka"):
            broker, bootstrap = setup.start_broker()
        if broker:
            self._down.callback(broker.stop)
        to = Connection(bootstrap_servers=bootstrap)
        if broker:
            # Nobody else uses a broker that was not running, so topics of demos are leftovers.
            setup.forget(to, setup.PREFIX)
        self._say(f"Apache Kafka {'started' if broker else 'found'} at {bootstrap}")
        return to

    def _topics(self, to: Connection) -> TopicNames:
        names = setup.topic_names(self._run)
        self._down.callback(setup.forget, to, self._run)
        with self._console.status("creating topics"):
            ensure(to, names)
            count = publish_items(to, RecordSource(shipped()), None, names.items).sent
        self._say(f"topics {self._run}-* created, {count:,} items published")
        return names

    def _model(self, to: Connection, names: TopicNames, log: DemoLog, learnt: Learning) -> None:
        events, span = (log.first, "1 to 7 January") if self._plan else (log.january, "January")
        self._say(f"model: training on {span}, or taking it from an earlier run")
        version, made = setup.model(events, self._cache)
        shutil.copytree(version.path, learnt.registry / version.id)

        def tell(promoted: Registered) -> None:
            announce(announcement(promoted, FEATURES_VERSION), to.kafka_python(), names.model_updates)

        Promotions(learnt.registry, tell, now_ms, by="demo").promote(version.id, f"learned from {span}")
        self._say(f"model {version.id} {'trained' if made else 'kept from an earlier run'} and announced")

    def _worker(self, to: Connection, names: TopicNames, learnt: Learning) -> WorkerProcess:
        if self._plan:
            teaching.close_shop(self._folder)
        environment = self._environment(to, names, learnt)
        with self._console.status("starting a worker and the gateway"):
            worker = WorkerProcess(self._folder / "worker.log", environment)
            self._down.callback(worker.stop)
            gateway = GatewayProcess(self._folder / "gateway.log", environment, worker.url)
            self._down.callback(gateway.stop)
            worker.await_ready()
            gateway.await_ready()
        self._say(f"worker ready, its endpoints at {worker.url}")
        self._say(f"gateway ready: dashboard at {gateway.url}/dashboard, routes below {gateway.url}/v1")
        return worker

    def _trainer(
        self, to: Connection, names: TopicNames, log: DemoLog, worker: WorkerProcess, learnt: Learning
    ) -> DemoTrainer:
        with self._console.status("replaying January for the trainer's event log"):
            january = answered(to, learnt.recent(log), names.clicks, worker)
        teaching.open_shop(self._folder)
        learnt.begin(january)
        self._say(f"the newest {january:,} clicks of January replayed and answered")
        environment = self._environment(to, names, learnt) | learnt.environment(self._run)
        trainer = TrainerProcess(self._folder / "trainer.log", environment)
        self._down.callback(trainer.stop)
        self._say(f"trainer started; it trains after every {learnt.every:,} new clicks")
        self._say(eased())
        self._say(teaching.eased())
        return DemoTrainer(trainer, learnt, january)

    def _environment(self, to: Connection, names: TopicNames, learnt: Learning) -> dict[str, str]:
        topics = {f"PATHCAST_TOPIC_{role.upper()}": name for role, name in names.model_dump().items()}
        return topics | {
            "KAFKA_BOOTSTRAP_SERVERS": to.bootstrap_servers,
            "PATHCAST_APPLICATION_ID": self._run,
            "PATHCAST_DATADIR": str(self._folder / "state"),
            "PATHCAST_REGISTRY": str(learnt.registry),
            "PATHCAST_LOG_FORMAT": "console",
            **(teaching.environment(self._folder) if self._plan else {}),
        }


def _keeping_log_of_failure(folder: Path) -> Callable[..., None]:
    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Exception) or not any(folder.glob("*.log")):
            shutil.rmtree(folder, ignore_errors=True)

    return leave


@contextmanager
def stage(console: Console, plan: DemoPlan | None) -> Iterator[Stage]:
    """All parts while the context lasts; afterwards those that this call started are stopped and cleaned up.

    With a `plan` there is a trainer as well.
    """
    with ExitStack() as down:
        yield Builder(console, down, plan).build()
