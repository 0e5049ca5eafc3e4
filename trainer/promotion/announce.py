"""Announcement of a model version to the workers."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from models.contract.updates import ModelUpdate
from models.errors import PathcastError
from models.registry.version_files import MANIFEST, Registered

#: Seconds in which a broker must acknowledge an announcement.
ANNOUNCE_SECONDS = 15.0
#: Message key of the model that serves every placement.
PLACEMENT = "default"


class PromotionError(PathcastError):
    """A version could not be announced; workers keep the version that they have."""


def announcement(version: Registered, features_version: str, place: str | None = None) -> ModelUpdate:
    """What workers need to find and verify a version; `place` is its URL if it was published to one."""
    manifest = (version.path / MANIFEST).read_bytes()
    return ModelUpdate(
        version=version.id,
        path=place or str(version.path.resolve()),
        sha256=hashlib.sha256(manifest).hexdigest(),
        features_version=features_version,
        created_at=version.created_at,
    )


def announce(
    update: ModelUpdate | None,
    connection: Mapping[str, Any],
    topic: str,
    timeout: float | None = None,
    key: str = PLACEMENT,
) -> None:
    """Publish to the compacted topic of model updates; `connection` has kafka-python's arguments.

    `key` is a placement, `models.contract.updates.SHADOW`, or the `policy_key` of a placement. `update` None
    withdraws what was published under the key. Returns after the broker's acknowledgement; raises
    PromotionError after at most `timeout` seconds (ANNOUNCE_SECONDS).
    """
    timeout = timeout or ANNOUNCE_SECONDS
    try:
        producer = KafkaProducer(**connection, acks="all", bootstrap_timeout_ms=int(timeout * 1000))
        try:
            value = msgspec.json.encode(update) if update is not None else None
            producer.send(topic, key=key.encode(), value=value).get(timeout)
        finally:
            producer.close()
    except KafkaError as error:
        what = update.version if update else f"the end of {key}"
        raise PromotionError(
            f"cannot announce {what} on {topic}: {error!r} from {connection['bootstrap_servers']}; "
            "check the broker and the topics (`pathcast topics`), then announce it again"
        ) from error
