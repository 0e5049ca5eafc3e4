"""What an entry in the table of topics says; the table is `streams.config.topics.TopicNames`."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, StrEnum

import msgspec

from models.durations import DAY_MS

#: How the key of a topic by visitor is written.
VISITOR_KEY = "visitor_id, UTF-8"


class Party(StrEnum):
    """Who writes or reads a topic."""

    SHOP = "shop"
    WORKER = "worker"
    TRAINER = "trainer"
    COMMANDS = "commands"


SHOP, WORKER, TRAINER, COMMANDS = Party
RUNNING = [WORKER, COMMANDS]


class Partitions(Enum):
    """How many partitions a topic has."""

    #: As many as `clicks`: an answer goes to the partition of its click.
    BY_VISITOR = "as many as `clicks`"
    #: One, since the order of updates matters; such a topic is compacted.
    ONE = "1"


class VisitorData(Enum):
    """What a topic holds of a visitor, and how it goes when the visitor is forgotten."""

    NONE = "nothing"
    #: It goes by retention: Kafka cannot delete the records of one key.
    EXPIRES = "expires"
    #: The same; in addition `pathcast visitor forget` writes a deletion mark where there is a record.
    EXPIRES_OR_MARKED = "expires, or a deletion mark"
    #: Code of its own deletes it by key; `deploy/privacy/stores.py` has a store of its own for it.
    DELETED_BY_KEY = "deleted by key"


@dataclass(frozen=True)
class Topic:
    """One topic: what is on it, how Kafka keeps it, who writes and reads it, what it holds of a visitor.

    `schema` is the struct of its values, None for bytes that have none. `retention_ms` None: without limit.
    `side_input`: a worker applies its records to visitors' state, beside clicks. `only_sealed`: there is no
    such topic where answers are not sealed. `config` are further topic settings of Kafka.
    """

    summary: str
    key: str
    schema: type[msgspec.Struct] | None
    _: KW_ONLY
    writers: Sequence[Party]
    readers: Sequence[Party]
    visitor_data: VisitorData
    partitions: Partitions = Partitions.BY_VISITOR
    retention_ms: int | None = None
    compacted: bool = False
    side_input: bool = False
    only_sealed: bool = False
    config: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def cleanup_policies(self) -> list[str]:
        """Kafka's `cleanup.policy`, one word an entry."""
        return ["compact"] * self.compacted + ["delete"] * (self.retention_ms is not None)

    @property
    def kafka_config(self) -> dict[str, str]:
        """The topic's settings in Kafka."""
        kept = {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}
        policy = {"cleanup.policy": ",".join(self.cleanup_policies)} if self.compacted else {}
        return {**policy, **kept, **self.config}


def answer(summary: str, schema: type[msgspec.Struct], days: int, readers: Sequence[Party]) -> Topic:
    """One answer to each click, kept for `days`."""
    return Topic(
        summary,
        VISITOR_KEY,
        schema,
        writers=[WORKER],
        readers=readers,
        retention_ms=days * DAY_MS,
        visitor_data=VisitorData.EXPIRES,
    )


def broadcast(
    summary: str, key: str, schema: type[msgspec.Struct], writers: Sequence[Party], readers: Sequence[Party]
) -> Topic:
    """The latest value of each key, on one partition, without data of visitors."""
    return Topic(
        summary,
        key,
        schema,
        writers=writers,
        readers=readers,
        partitions=Partitions.ONE,
        compacted=True,
        visitor_data=VisitorData.NONE,
    )
