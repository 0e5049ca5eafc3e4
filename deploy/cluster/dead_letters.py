"""Read dead letters, and send their inputs again once the cause is gone."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from deploy.cluster.clients import consumer, drain, flush, producer
from deploy.terminal.failures import telling
from models.errors import PathcastError
from streams.config.connection import Connection
from streams.config.topic_headers import REPLAY_ATTEMPT, REPLAYED_FROM
from streams.texts.dead_letter import HEADERS

#: Partition and offset of a letter.
Place = tuple[int, int]
_DIGITS = 9


class DeadLetterError(PathcastError):
    """A dead letter cannot be found or sent again."""


class DeadLetter(NamedTuple):
    """One refused input: the place of its letter, the reason, its source, and its bytes.

    `timestamp` and `source_timestamp` are Kafka's, epoch ms; `headers` are those the input had. `cut`: it was
    too large to be kept whole.
    """

    partition: int
    offset: int
    timestamp: int
    reason: str
    message: str
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    cut: bool

    @property
    def place(self) -> Place:
        """Partition and offset of the letter."""
        return self.partition, self.offset

    @property
    def attempt(self) -> int:
        """The number of the replay that was refused with this letter, from 1; 0: the original input."""
        found = self._header(REPLAY_ATTEMPT)
        known = found.isdecimal() and len(found) < _DIGITS
        return int(found) if known else int(bool(self._header(REPLAYED_FROM)))

    def replay_of(self, topic: str) -> Place | None:
        """The letter on that topic from which the input was replayed, None for an original input."""
        with suppress(ValueError):
            name, partition, offset = self._header(REPLAYED_FROM).split("/")
            return (int(partition), int(offset)) if name == topic else None
        return None

    def _header(self, name: str) -> str:
        return next((value or b"" for own, value in self.headers if own == name), b"").decode(
            "utf-8", "replace"
        )


def parse(record: Any) -> DeadLetter | None:
    """The dead letter of a consumer record; None for a record without the headers of a worker."""
    names = tuple(name for name, _ in record.headers[: len(HEADERS)])
    if names != HEADERS:
        return None
    reason, message, topic, *numbers, cut = (value.decode() for _, value in record.headers[: len(HEADERS)])
    partition, offset, timestamp = map(int, numbers)
    return DeadLetter(
        record.partition,
        record.offset,
        record.timestamp,
        reason,
        message,
        topic,
        partition,
        offset,
        timestamp,
        record.key,
        record.value,
        list(record.headers[len(HEADERS) :]),
        cut == "yes",
    )


def read(
    to: Connection, topic: str, reasons: Iterable[str] = (), partition: int | None = None, offset: int = 0
) -> Generator[DeadLetter, None, None]:
    """All letters up to the topic's end, of these reasons if any are given. Raises KafkaUnreachable."""
    wanted = set(reasons)
    with consumer(to, max_poll_records=5_000) as client:
        for record in drain(client, topic, partition, offset):
            letter = parse(record)
            if letter and (not wanted or letter.reason in wanted):
                yield letter


def find(to: Connection, topic: str, partition: int, offset: int) -> DeadLetter:
    """The letter at this place. Raises DeadLetterError if there is none."""
    letter = next(read(to, topic, (), partition, offset), None)
    if letter is None or letter.offset != offset:
        raise DeadLetterError(
            f"{topic} has no dead letter at partition {partition}, offset {offset}: it may have expired; "
            "pathcast dead-letters list shows what there is"
        )
    return letter


def resend(to: Connection, topic: str, letters: Iterable[DeadLetter]) -> int:
    """Send the original bytes to their source topics; returns how many. `topic` is the letters' own.

    They keep their first timestamp, by which skew is judged, and say in headers which letter first held them,
    and how often they were sent again.
    Raises DeadLetterError if a broker refuses one.
    """
    # The headers of a letter come on top of the size limit of the input.
    futures: list[Any] = []
    cut = 0
    with telling(lambda: _so_far(futures)), producer(to, max_request_size=4 << 20) as client:
        for letter in letters:
            if letter.cut:
                cut += 1
            else:
                futures.append(_send(client, topic, letter))
        flush(client)
    refused = [future.exception for future in futures if future.failed()]
    if refused:
        last = f"the last by {refused[-1]!r}"
        raise DeadLetterError(f"{len(refused)} of {len(futures)} were refused by Kafka, {last}: try again")
    if cut:
        raise DeadLetterError(
            f"{len(futures)} were sent again, {cut} not: they were too large, and only their beginning was "
            "kept; send them from their source"
        )
    return len(futures)


def _so_far(futures: Sequence[Any]) -> str:
    sent = sum(future.succeeded() for future in futures)
    return (
        f"{sent:,} inputs were sent again before. Repeat the command: workers count what they have "
        "answered as duplicates"
    )


def _send(client: Any, topic: str, letter: DeadLetter) -> Any:
    # kafka-python sends no header without a value.
    own = REPLAYED_FROM, REPLAY_ATTEMPT
    headers = [(name, value or b"") for name, value in letter.headers if name not in own]
    partition, offset = letter.replay_of(topic) or letter.place
    headers.append((REPLAYED_FROM, f"{topic}/{partition}/{offset}".encode()))
    headers.append((REPLAY_ATTEMPT, str(letter.attempt + 1).encode()))
    where, when = letter.source_partition, letter.source_timestamp
    return client.send(letter.source_topic, letter.value, letter.key, headers, where, when)
