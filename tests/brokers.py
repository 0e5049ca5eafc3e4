"""Brokers and topics of a test's own."""

import secrets
from collections.abc import Mapping
from pathlib import Path

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


def topic_names() -> TopicNames:
    """All topics under a random prefix, so that tests do not see each other."""
    prefix = f"t{secrets.token_hex(4)}"
    return TopicNames(
        **{role: f"{prefix}-{field.default}" for role, field in TopicNames.model_fields.items()}
    )
