"""The topics as the broker has them now: ids, and the offsets of their partitions."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from trainer.eventlog.buffer import TopicSource
from trainer.eventlog.place import EventLogError

#: Milliseconds in which a broker must answer for the first time.
BOOTSTRAP_MS = 5_000


@contextmanager
def explained(connection: Mapping[str, Any]) -> Iterator[None]:
    """Raise EventLogError for errors of Kafka."""
    try:
        yield
    except KafkaError as error:
        raise EventLogError(
            f"Kafka at {connection['bootstrap_servers']} failed ({error!r}): the event log is as far as it "
            "was committed; start again once the broker answers"
        ) from error


class Topics:
    """Asks the broker; holds one connection."""

    def __init__(self, connection: Mapping[str, Any], names: Iterable[str]) -> None:
        self._names, self._connection = list(names), connection
        with explained(connection):
            self._admin = KafkaAdminClient(**connection, bootstrap_timeout_ms=BOOTSTRAP_MS)

    def ids(self) -> dict[str, str]:
        """The id of each topic. Raises EventLogError if one is missing."""
        with explained(self._connection):
            found = self._admin.describe_topics(self._names)
        missing = [topic["name"] for topic in found if topic.get("error_code")]
        if missing:
            raise EventLogError(
                f"there is no topic {missing[0]!r}: create it (pathcast topics), or name others"
            )
        return {topic["name"]: str(topic["topic_id"]) for topic in found}

    def sources(
        self, client: KafkaConsumer, parts: Iterable[TopicPartition]
    ) -> dict[TopicPartition, TopicSource]:
        """First and next offsets of the partitions. Raises EventLogError."""
        wanted, ids = list(parts), self.ids()
        with explained(self._connection):
            begins, ends = client.beginning_offsets(wanted), client.end_offsets(wanted)
        return {part: TopicSource(part.topic, ids[part.topic], begins[part], ends[part]) for part in wanted}

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()
