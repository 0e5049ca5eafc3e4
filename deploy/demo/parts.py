"""The demo's processes and topics: each one starts or says in one line why not, and goes when told."""

import hashlib
import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kafka.errors import KafkaError

from deploy.broker import Broker
from deploy.broker_process import PortBusy, free_port
from deploy.demo.log import DemoLog, shipped
from deploy.kafka import admin
from deploy.processes import command
from models import registry
from models.errors import PathcastError
from models.registry import RegistryError, Version
from streams.connection import Connection
from streams.topics import TopicNames

#: Every name that a demo leaves on a broker starts so.
PREFIX = "pathcast-demo-"
READY_SECONDS, STOP_SECONDS = 90.0, 20.0
#: Enough to be better than the ladder's lower rungs; a slow machine ends by the time instead.
TRAINING_EPOCHS, TRAINING_MINUTES = 8, 1.0
TAIL_LINES = 8


class DemoError(PathcastError):
    """A part of the demo failed; its log's end is in the message."""


def start_broker() -> tuple[Broker | None, str]:
    """The broker if this call started one, and the address to use. KAFKA_BOOTSTRAP_SERVERS wins.

    Raises BrokerError.
    """
    configured = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if configured:
        return None, configured
    broker = Broker()
    if running := broker.running():
        broker = Broker(broker.directory, running.port)
    try:
        return (broker if broker.start() else None), broker.bootstrap
    except PortBusy:
        # Whoever runs there did not ask for a demo: any other port will do for one.
        broker = Broker(broker.directory, free_port())
        return (broker if broker.start() else None), broker.bootstrap


def topic_names(run: str) -> TopicNames:
    """Names of this run's own, so that a demo never mixes with anything else on the broker."""
    return TopicNames(**{role: f"{run}-{field.default}" for role, field in TopicNames.model_fields.items()})


def new_run() -> str:
    """A name for a run, its application id and the prefix of its topics."""
    return f"{PREFIX}{secrets.token_hex(3)}"


def forget(to: Connection, prefix: str) -> None:
    """Delete topics and groups that begin with `prefix`; a broker that is gone has nothing to forget."""
    with suppress(KafkaError, PathcastError, OSError), admin(to) as client:
        topics = [topic for topic in client.list_topics() if topic.startswith(prefix)]
        if topics:
            client.delete_topics(topics)
        groups = [group["group_id"] for group in client.list_groups() if group["group_id"].startswith(prefix)]
        if groups:
            client.delete_groups(groups)


def model(log: DemoLog, folder: Path) -> tuple[Version, bool]:
    """The model learned from January, and whether it was made just now. Raises DemoError."""
    # Another log, another registry: a model must not have seen what it is shown.
    digest = hashlib.sha256(shipped().read_bytes()).hexdigest()[:8]
    versions = folder / f"registry-{digest}"
    found = _newest(versions)
    if found:
        return found, False
    made = subprocess.run(_training(log, versions), check=False, stdout=subprocess.PIPE, text=True)
    found = _newest(versions)
    if made.returncode or found is None:
        raise DemoError(f"training ended with exit code {made.returncode}; what it said is above")
    return found, True


def _training(log: DemoLog, versions: Path) -> list[str]:
    options = ["--epochs", str(TRAINING_EPOCHS), "--time-budget", str(TRAINING_MINUTES), "--no-announce"]
    options.append("--no-baselines")
    return [*command("train"), "--events", str(log.january), "--registry", str(versions), *options]


def _newest(versions: Path) -> Version | None:
    for path in sorted(versions.glob("*T*-*"), reverse=True):
        with suppress(RegistryError):
            return registry.load(path)
    return None


class Worker:
    """A `pathcast worker` in a session of its own: the terminal's Ctrl-C is for the demo, not for it."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.log, self.port = log, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"PATHCAST_WEB_PORT": str(self.port), "PATHCAST_WEB_HOST": "127.0.0.1"}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command("worker"),
                env={**os.environ, **environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Returns once it answers clicks. Raises DemoError."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"the worker was not ready within {READY_SECONDS:.0f} s; {self.tail()}")
            time.sleep(0.2)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def check(self) -> None:
        """Raises DemoError if it has ended."""
        if self.process.poll() is not None:
            raise DemoError(f"the worker ended with exit code {self.process.returncode}; {self.tail()}")

    def tail(self) -> str:
        """The end of its log, for an error message."""
        lines = _last_lines(self.log)
        return f"its log is {self.log} and ends so:\n" + "\n".join(f"  {line}" for line in lines)

    def stop(self) -> bool:
        """SIGTERM: it finishes its transaction and leaves the group. False if it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True


def _last_lines(path: Path) -> Sequence[str]:
    return path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
