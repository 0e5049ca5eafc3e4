"""Seal a chunk's answers with visitors' keys, which are created, kept and deleted with the visitors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from secrets import token_bytes
from typing import NamedTuple

from models.privacy.envelope import KEY_BYTES, NONCE_BYTES, WRAPPED_BYTES, Envelope, Envelopes
from models.state import state_keys
from streams.config.topics import ANSWERS
from streams.effects import NO_HEADERS, Message, Reader
from streams.partition_state.visitors import VisitorEntry


class Sealer(NamedTuple):
    """The master secret, and the broker's id of the topic of keys.

    The id is kept beside each key in the state. If it differs, the topic was created again without the key,
    so the key is published once more.
    """

    envelopes: Envelopes
    topic_id: str

    def opened(self, visitor: bytes, kept: bytes) -> tuple[Envelope, bytes | None]:
        """A key from the state; also wrapped, if the topic lacks it. Raises WrongMaster."""
        wrapped, topic_id = kept[:WRAPPED_BYTES], kept[WRAPPED_BYTES:]
        lacking = topic_id != self.topic_id.encode()
        return self.envelopes.unwrap(visitor, wrapped), wrapped if lacking else None

    def made(self, visitor: bytes) -> tuple[Envelope, bytes]:
        """A new key, ready and wrapped."""
        wrapped = self.envelopes.wrap(visitor, token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES))
        return self.envelopes.unwrap(visitor, wrapped), wrapped

    def kept(self, wrapped: bytes | None) -> bytes | None:
        """The state's value of a wrapped key."""
        return None if wrapped is None else wrapped + self.topic_id.encode()


def keyed(sealer: Sealer | None, state: Reader) -> bool:
    """Whether a partition's state holds keys or may get some. Raises WrongMaster.

    Checked at the start, because with another secret every click of a known visitor would be a dead letter.
    """
    first = next(iter(state.scan(state_keys.ENVELOPE)), None)
    if sealer is not None and first is not None:
        sealer.opened(state_keys.envelope_owner(first[0]), first[1])
    return sealer is not None or first is not None


class KeyChanges(NamedTuple):
    """Changes of keys for the state, and as messages for the topic of keys."""

    state: list[tuple[bytes, bytes | None]]
    messages: list[Message]


@dataclass(slots=True)
class Sealing:
    """One chunk's keys by the key of the visitor's record; `made` holds the wrapped keys to be written.

    `at_hand` caches keys of earlier chunks; a chunk takes those of its visitors out of it. A key is published
    only by its transaction: what an aborted transaction sealed can never be opened.
    """

    sealer: Sealer | None
    at_hand: dict[bytes, Envelope]
    ready: dict[bytes, Envelope] = field(default_factory=dict)
    made: dict[bytes, bytes] = field(default_factory=dict)

    def sealed(
        self, answers: list[tuple[Message, ...]], visitors: Sequence[tuple[bytes, bool]], state: Reader
    ) -> list[tuple[Message, ...]]:
        """The sealed answers; those that the worker caches stay plain.

        `visitors` has for each answered click the key of the visitor's record, and whether the click created
        the visitor.
        """
        if self.sealer is None:
            return answers
        nonces = _nonces(len(ANSWERS) * len(answers))
        return [
            tuple(
                (key, one.seal(role, value or b"", next(nonces)), headers)
                for role, (key, value, headers) in zip(ANSWERS, of_click, strict=True)
            )
            for one, of_click in zip(self._of_clicks(visitors, state, self.sealer), answers, strict=True)
        ]

    def sealed_later(self, role: str, values: Sequence[tuple[bytes, bytes]], state: Reader) -> list[Message]:
        """Messages by the key of their visitor's record, who may have no click in this chunk."""
        if self.sealer is None:
            return [(state_keys.visitor_name(key), value, NO_HEADERS) for key, value in values]
        nonces = _nonces(len(values))
        keys = self._of_clicks([(key, False) for key, _ in values], state, self.sealer)
        return [
            (state_keys.visitor_name(key), one.seal(role, value, next(nonces)), NO_HEADERS)
            for one, (key, value) in zip(keys, values, strict=True)
        ]

    def _of_clicks(
        self, visitors: Sequence[tuple[bytes, bool]], state: Reader, sealer: Sealer
    ) -> Iterator[Envelope]:
        """The key of each click's visitor; a visitor that a click creates gets a new key."""
        self._read(visitors, state, sealer)
        for key, born in visitors:
            if born or key not in self.ready:
                self.ready[key], self.made[key] = sealer.made(state_keys.visitor_name(key))
            yield self.ready[key]

    def _read(self, visitors: Sequence[tuple[bytes, bool]], state: Reader, sealer: Sealer) -> None:
        """Keys of known visitors: from the cache, else from the state in one multi-get."""
        first = dict(reversed(visitors))
        known = [key for key, born in first.items() if not born and key not in self.ready]
        self.ready.update({key: self.at_hand.pop(key) for key in known if key in self.at_hand})
        missing = [key for key in known if key not in self.ready]
        stored = state.get([state_keys.envelope(key) for key in missing])
        for key, kept in zip(missing, stored, strict=True):
            if kept is not None:
                self.ready[key], lacking = sealer.opened(state_keys.visitor_name(key), kept)
                if lacking is not None:
                    self.made[key] = lacking

    def changes(self, entries: Mapping[bytes, VisitorEntry], forgotten: set[bytes]) -> KeyChanges:
        """New keys, and deletions of keys whose visitor is erased or has expired.

        If sealing was turned off, only the state is cleaned: the topic may not exist any more.
        """
        gone = [one.key for one in entries.values() if self._loses(one, forgotten)]
        for key in gone:
            self.ready.pop(key, None)
        if self.sealer is None:
            return KeyChanges([(state_keys.envelope(key), None) for key in gone], [])
        changed: dict[bytes, bytes | None] = {**self.made, **dict.fromkeys(gone)}
        return KeyChanges(
            [(state_keys.envelope(key), self.sealer.kept(wrapped)) for key, wrapped in changed.items()],
            [(state_keys.visitor_name(key), wrapped, NO_HEADERS) for key, wrapped in changed.items()],
        )

    def _loses(self, entry: VisitorEntry, forgotten: set[bytes]) -> bool:
        """Whether a visitor's key is deleted: the visitor is gone, or was erased and got no new key."""
        made = entry.key in self.made
        anew = entry.key in forgotten and not made
        return (entry.visitor is None or anew) and (entry.known or made)

    def applied(self, entries: Mapping[bytes, VisitorEntry], most: int) -> None:
        """Cache the chunk's keys; the cache holds at most `most`."""
        for key, entry in entries.items():
            if entry.visitor is None:
                self.at_hand.pop(key, None)
        self.at_hand.update(self.ready)
        for key in list(islice(self.at_hand, max(0, len(self.at_hand) - most))):
            del self.at_hand[key]


def _nonces(count: int) -> Iterator[bytes]:
    """Random nonces from one system call: each call costs as much as sealing a value."""
    drawn = token_bytes(NONCE_BYTES * count)
    return (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))
