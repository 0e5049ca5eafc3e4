"""The demo's broker, topics and first model; each is ready, or reports in one line why not."""

import hashlib
import os
import secrets
import subprocess
from contextlib import suppress
from pathlib import Path

from kafka.errors import KafkaError

from deploy.broker.broker import Broker
from deploy.broker.broker_process import PortBusy, free_port
from deploy.cluster.clients import admin
from deploy.terminal.processes import command
from models.errors import PathcastError
from models.registry import registry
from models.registry.registry import RegistryError, Version
from streams.config.connection import Connection
from streams.config.topics import TopicNames

#: Prefix of all names that a demo uses on a broker.
PREFIX = "pathcast-demo-"
#: Enough to be better than lower fallback tiers; on a slow machine the time ends the training.
TRAINING_EPOCHS, TRAINING_MINUTES = 4, 1.0


class DemoError(PathcastError):
    """A part of the demo failed; its log's end is in the message."""


def start_broker() -> tuple[Broker | None, str]:
    """The broker if this call started one, and the address to use. KAFKA_BOOTSTRAP_SERVERS has precedence.

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
        # Another program uses the port, so the demo takes any free one.
        broker = Broker(broker.directory, free_port())
        return (broker if broker.start() else None), broker.bootstrap


def topic_names(run: str) -> TopicNames:
    """Topic names of this run only, so that a demo does not mix with anything else on the broker."""
    return TopicNames(**{role: f"{run}-{field.default}" for role, field in TopicNames.model_fields.items()})


def new_run() -> str:
    """A name for a run, its application id and the prefix of its topics."""
    return f"{PREFIX}{secrets.token_hex(3)}"


def forget(to: Connection, prefix: str) -> None:
    """Delete topics and groups that begin with `prefix`; an unreachable broker is ignored."""
    with suppress(KafkaError, PathcastError, OSError), admin(to) as client:
        topics = [topic for topic in client.list_topics() if topic.startswith(prefix)]
        if topics:
            client.delete_topics(topics)
        groups = [group["group_id"] for group in client.list_groups() if group["group_id"].startswith(prefix)]
        if groups:
            client.delete_groups(groups)


def model(events: Path, folder: Path) -> tuple[Version, bool]:
    """The model trained on a log, and whether it was trained just now. Raises DemoError."""
    versions = versions_of(events, folder)
    found = _newest(versions)
    if found:
        return found, False
    made = subprocess.run(_training(events, versions), check=False, stdout=subprocess.PIPE, text=True)
    found = _newest(versions)
    if made.returncode or found is None:
        raise DemoError(f"training ended with exit code {made.returncode}; what it said is above")
    return found, True


def versions_of(events: Path, folder: Path) -> Path:
    """The registry for a log: a model must not have learned from the clicks that it answers."""
    return folder / f"registry-{hashlib.sha256(events.read_bytes()).hexdigest()[:8]}"


def _training(events: Path, versions: Path) -> list[str]:
    options = ["--epochs", str(TRAINING_EPOCHS), "--time-budget", str(TRAINING_MINUTES), "--no-announce"]
    options.append("--no-baselines")
    return [*command("train"), "--events", str(events), "--registry", str(versions), *options]


def _newest(versions: Path) -> Version | None:
    for path in sorted(versions.glob("*T*-*"), reverse=True):
        with suppress(RegistryError):
            return registry.load(path)
    return None
