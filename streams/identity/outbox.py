"""A chunk's messages to the owners of users and visitors, in its own or other partitions."""

from collections.abc import Iterable

from models.identity.messages import Given, Message, Others, Snapshot, encode
from streams.effects import NO_HEADERS, Routed
from streams.effects import Message as Published
from streams.transport.routing import home


class Outbox:
    """Messages by destination, in order; of several between the same two only the last is sent.

    Two kinds are never dropped. A device that left its user: if it comes back at once it must be told the sum
    again. A given profile: of two records of `profiles` the one that came later may be the older one.
    """

    def __init__(self, topic: str, partitions: int) -> None:
        self._topic, self._partitions = topic, partitions
        self._said: dict[tuple[str, ...], Message] = {}

    def __len__(self) -> int:
        return len(self._said)

    def put(self, messages: Iterable[Message]) -> None:
        """Add messages."""
        for message in messages:
            subject, held = _subject(message), self._said.get(_subject(message))
            if isinstance(held, Given) or (isinstance(held, Snapshot) and held.summary is None):
                self._said[*subject, str(len(self._said))] = self._said.pop(subject)
            else:
                self._said.pop(subject, None)
            self._said[subject] = message

    def kinds(self) -> list[str]:
        """The kind of each message, for the metrics."""
        return [kind for kind, *_ in self._said]

    def routed(self) -> Routed:
        """The messages as they are published; a message's key is the id of its recipient."""
        found: dict[tuple[str, int], list[Published]] = {}
        for message in self._said.values():
            key, partition = self._place(message)
            found.setdefault((self._topic, partition), []).append((key, encode(message), NO_HEADERS))
        return found

    def _place(self, message: Message) -> tuple[bytes, int]:
        if isinstance(message, Others):
            return message.visitor_id.encode(), message.partition
        key = message.user_id.encode()
        return key, home(key, self._partitions)


def _subject(message: Message) -> tuple[str, ...]:
    if isinstance(message, Snapshot) and message.request:
        return "erased", message.user_id, message.visitor_id
    if isinstance(message, Snapshot | Others):
        return type(message).__name__.lower(), message.user_id, message.visitor_id
    assert isinstance(message, Given)
    return "given", message.user_id
