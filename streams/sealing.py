"""A chunk's answers sealed by their visitors' keys, which are made, kept and deleted with the visitors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from secrets import token_bytes
from typing import TYPE_CHECKING

from models import keys
from models.envelope import KEY_BYTES, NONCE_BYTES, Envelope, Envelopes
from streams.effects import NO_HEADERS, Message
from streams.entries import Entry

if TYPE_CHECKING:
    from streams.passage import Passage

#: The topics of a click's answers, in their order, by their fields in the topic names.
ROLES = ("purchase_intent", "recommendations", "ad_decisions")


@dataclass(slots=True)
class Sealing:
    """One chunk's keys by the key of their visitor's record, and in `made` those that are new, wrapped.

    Nobody else has a key before its transaction is committed: an aborted one seals nothing that can be read.
    """

    envelopes: Envelopes | None
    ready: dict[bytes, Envelope] = field(default_factory=dict)
    made: dict[bytes, bytes] = field(default_factory=dict)

    def sealed(self, passage: "Passage") -> list[tuple[Message, ...]]:
        """The answers as they are published; what the worker remembers of them stays plain."""
        if self.envelopes is None:
            return passage.answers
        nonces = _nonces(len(ROLES) * len(passage.answers))
        return [
            tuple(
                (key, one.seal(role, value or b"", next(nonces)), headers)
                for role, (key, value, headers) in zip(ROLES, answers, strict=True)
            )
            for one, answers in zip(self._of_clicks(passage), passage.answers, strict=True)
        ]

    def _of_clicks(self, passage: "Passage") -> Iterator[Envelope]:
        """The key of each click's visitor; who is born, for the first time or again, gets a new one."""
        self._read(passage)
        for applied in passage.applied:
            key = applied.entry.key
            if applied.facts.born or key not in self.ready:
                self._make(key)
            yield self.ready[key]

    def _read(self, passage: "Passage") -> None:
        """Keys of known visitors: from the chunks before, else from the state in one multi-get."""
        assert self.envelopes is not None
        first = {applied.entry.key: applied.facts.born for applied in reversed(passage.applied)}
        at_hand = passage.memory.envelopes
        known = [key for key, born in first.items() if not born]
        self.ready = {key: at_hand.pop(key) for key in known if key in at_hand}
        missing = [key for key in known if key not in self.ready]
        stored = passage.work.state.get([keys.envelope(key) for key in missing])
        for key, wrapped in zip(missing, stored, strict=True):
            if wrapped is not None:
                self.ready[key] = self.envelopes.unwrap(_visitor(key), wrapped)

    def _make(self, key: bytes) -> None:
        assert self.envelopes is not None
        visitor = _visitor(key)
        self.made[key] = self.envelopes.wrap(visitor, token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES))
        self.ready[key] = self.envelopes.unwrap(visitor, self.made[key])

    def changes(self, passage: "Passage") -> list[tuple[bytes, bytes | None]]:
        """New keys, and deletions of those whose visitor is forgotten or has expired, for the state.

        The same goes to the topic of keys. Where sealing was turned off the state alone is cleaned: the topic
        may be gone.
        """
        if not passage.memory.keyed:
            return []
        gone = [one.key for one in passage.entries.values() if self._loses(one, passage.forgotten)]
        for key in gone:
            self.ready.pop(key, None)
        changed = {**self.made, **dict.fromkeys(gone)}
        if changed and self.envelopes is not None:
            passage.outputs[passage.rules.names.visitor_keys] = [
                (_visitor(key), value, NO_HEADERS) for key, value in changed.items()
            ]
        return [(keys.envelope(key), value) for key, value in changed.items()]

    def _loses(self, entry: Entry, forgotten: set[bytes]) -> bool:
        """Whether a visitor's key goes: they are gone, or came anew after being forgotten and got none."""
        made = entry.key in self.made
        anew = entry.key in forgotten and not made
        return (entry.visitor is None or anew) and (entry.known or made)

    def committed(self, passage: "Passage") -> None:
        """Keep the chunk's keys at hand, as many as visitors."""
        at_hand = passage.memory.envelopes
        for key, entry in passage.entries.items():
            if entry.visitor is None:
                at_hand.pop(key, None)
        at_hand.update(self.ready)
        for key in list(islice(at_hand, max(0, len(at_hand) - passage.rules.recent_visitors))):
            del at_hand[key]


def _nonces(count: int) -> Iterator[bytes]:
    """Random ones, drawn at once: each call to the system costs as much as sealing a value."""
    drawn = token_bytes(NONCE_BYTES * count)
    return (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


def _visitor(key: bytes) -> bytes:
    """The visitor's id as records have it, by the key of their record in the state."""
    return key[len(keys.VISITOR) :]
