"""Files of the bundled broker: configuration, data, logs, and a note of its process."""

import base64
import fcntl
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.broker.broker_process import Process
from models.durable_files import replace_file

# One node is broker and controller. Internal topics have one replica and few partitions, since each partition
# costs open files and start-up time.
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Kafka's defaults of 3, 8 and 10 threads are for many cores.
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    # An offset's commit is not held back for others: it is part of the transaction that a click waits for.
    "group.coordinator.append.linger.ms": "0",
    # How often timed-out transactions are looked for; by default they last up to 10 s longer than they may.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker is readmitted when its old session ends; the default would take 9 s.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "num.partitions": "4",
    # The default of 128 MB would use a quarter of a small heap.
    "log.cleaner.dedupe.buffer.size": "33554432",
}

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
"""


@dataclass(frozen=True)
class Files:
    """The layout of one broker's directory."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def config(self) -> Path:
        return self.root / "server.properties"

    @property
    def logging(self) -> Path:
        return self.root / "log4j2.properties"

    @property
    def log(self) -> Path:
        return self.root / "broker.log"

    @property
    def console(self) -> Path:
        """Output of the Java process, mainly errors before logging starts."""
        return self.root / "console.log"

    @property
    def formatted(self) -> bool:
        return (self.data / "meta.properties").exists()

    def write_config(self, port: int, controller_port: int, overrides: Mapping[str, str]) -> None:
        """Write both configuration files; the controller's port may differ at every start."""
        settings = {
            **SETTINGS,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "log.dirs": str(self.data),
            **overrides,
        }
        self.config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.logging.write_text(_LOGGING.format(log=self.log))

    def remember(self, process: Process) -> None:
        replace_file(self.root / "process.json", json.dumps(asdict(process)).encode())

    def recall(self) -> Process | None:
        """The process noted here, dead or alive; None if there is no readable note."""
        try:
            return Process(**json.loads((self.root / "process.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def forget(self) -> None:
        (self.root / "process.json").unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """A lock for start and stop; it is released when its process ends."""
        with (self.root / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def last_error(self) -> str:
        """The last error of the broker, for an error message; empty if there is none."""
        lines = [line for path in (self.console, self.log) if path.exists() for line in _tail(path)]
        return complaint(lines)


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-200:]


def complaint(lines: Sequence[str]) -> str:
    """The last line with an error; empty if there is none."""
    marks = (" ERROR ", " FATAL ", "Exception", "Error:")
    return next((line.strip() for line in reversed(lines) if any(mark in line for mark in marks)), "")


def cluster_id() -> str:
    """A random id in Kafka's form: 22 characters of URL-safe base64, not starting with a dash."""
    return "p" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22].replace("-", "x").replace(
        "_", "y"
    )
