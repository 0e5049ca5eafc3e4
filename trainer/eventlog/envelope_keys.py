"""Keys of visitors, read from their topic as far as the sealed values need them."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from models.privacy.envelope import KeyGone, NotOpened, is_sealed
from models.privacy.keyring import Keyring
from trainer.eventlog.log_topics import explained
from trainer.eventlog.place import EventLogError
from trainer.eventlog.rows import LoggedRecord

#: Longer than any transaction may stay open (900 s): by then a key is there, or never was.
PATIENCE = 960.0


class Keys:
    """Opens sealed values with the keys on a topic.

    `connection` are arguments of kafka-python; the connection lasts as long as the object.
    """

    def __init__(self, ring: Keyring, topic: str, connection: Mapping[str, Any]) -> None:
        self._ring, self._topic, self._connection = ring, topic, connection
        with explained(connection):
            self._committed = self._consumer("read_committed")
            self._every = self._consumer("read_uncommitted")
            found = self._every.partitions_for_topic(topic)
        if not found:
            raise EventLogError(
                f"there is no topic {topic!r} of visitors' keys: create it (pathcast topics), or name "
                "another (PATHCAST_TOPIC_VISITOR_KEYS)"
            )
        self._parts = [TopicPartition(topic, number) for number in sorted(found)]
        with explained(connection):
            self._committed.assign(self._parts)
            self._committed.seek_to_beginning(*self._parts)

    def _consumer(self, isolation: str) -> Any:
        return KafkaConsumer(
            **self._connection,
            group_id=None,
            isolation_level=isolation,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )

    def __call__(self, role: str, records: Sequence[LoggedRecord]) -> list[bytes | None]:
        """The values in the clear, None if the key is gone; a damaged value stays as it is.

        Raises EventLogError or WrongMaster.
        """
        if any(is_sealed(one.value) and not self._has(one) for one in records):
            self._catch_up()
        return [self._opened(role, record) for record in records]

    def _has(self, record: LoggedRecord) -> bool:
        return self._ring.has(record.partition, record.key or b"", record.value or b"")

    def _opened(self, role: str, record: LoggedRecord) -> bytes | None:
        value = record.value or b""
        try:
            with suppress(NotOpened):
                return self._ring.open(role, record.partition, record.key or b"", value)
        except KeyGone:
            return None
        return value

    def _catch_up(self) -> None:
        """Read all keys written so far.

        A value may be read before the key of its transaction. So wait for the end of open transactions:
        afterwards a missing key means that it was erased.
        """
        with explained(self._connection):
            ends = self._every.end_offsets(self._parts)
            deadline = time.monotonic() + PATIENCE
            while any(self._committed.position(part) < end for part, end in ends.items()):
                for records in self._committed.poll(timeout_ms=200).values():
                    for record in records:
                        self._ring.take(record.partition, record.key, record.value)
                if time.monotonic() > deadline:
                    raise EventLogError(
                        f"a transaction on {self._topic} is open for more than {PATIENCE:.0f} s, so its keys "
                        "cannot be read: start the workers, which end it, then start again"
                    )

    def close(self) -> None:
        """Close the connections."""
        self._committed.close()
        self._every.close()
