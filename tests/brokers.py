"""Brokers and topics of a test's own."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from deploy.broker.broker import Broker
from deploy.broker.broker_process import PortBusy, free_port
from streams.config.topics import TopicNames


def start_broker(directory: Path, settings: Mapping[str, str] | None = None) -> Broker:
    """A new broker on a free port; a port may be taken between looking and binding, so try another then."""
    for _ in range(5):
        broker = Broker(directory, free_port(), heap="512m", settings=settings or {})
        try:
            broker.start()
        except PortBusy:
            continue
        return broker
    raise RuntimeError("five free ports in a row were taken before the broker bound them")


def start_guarded_broker(directory: Path, settings: Mapping[str, str]) -> tuple[Broker, str]:
    """A new broker with a second listener for SASL, and that listener's address, to which clients are sent.

    `settings` are those of the mechanism.
    """
    opened = free_port()
    secured = free_port(opened)
    controller = free_port(opened, secured)
    listeners = f"PLAINTEXT://127.0.0.1:{opened},SASL_PLAINTEXT://127.0.0.1:{secured}"
    all_settings = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "SASL_PLAINTEXT:SASL_PLAINTEXT",
        **settings,
    }
    broker = Broker(directory, opened, settings=all_settings)
    broker.start()
    return broker, f"127.0.0.1:{secured}"


@contextmanager
def shared_broker(folder: Path) -> Iterator[str]:
    """One broker for all processes of a test run that name the same folder; gives its bootstrap address.

    The first one starts it and the last one stops it, also where one of them was killed.
    """
    with _users(folder) as users:
        if not users:
            (folder / "address").write_text(start_broker(folder / "broker").bootstrap)
        users.add(os.getpid())
        bootstrap = (folder / "address").read_text()
    try:
        yield bootstrap
    finally:
        with _users(folder) as users:
            users.discard(os.getpid())
            if not users:
                Broker(folder / "broker", int(bootstrap.rpartition(":")[2])).stop()


@contextmanager
def _users(folder: Path) -> Iterator[set[int]]:
    """The live processes that use the broker, under a lock; changes are kept."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = {int(line) for line in file.read().split() if psutil.pid_exists(int(line))}
        yield users
        file.truncate(0)
        file.write("\n".join(map(str, users)))


def topic_names() -> TopicNames:
    """All topics under a random prefix, so that tests do not see each other."""
    prefix = f"t{secrets.token_hex(4)}"
    return TopicNames(
        **{role: f"{prefix}-{field.default}" for role, field in TopicNames.model_fields.items()}
    )
