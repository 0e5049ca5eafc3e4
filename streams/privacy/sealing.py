"""A chunk's answers sealed by their visitors' keys, which are made, kept and deleted with the visitors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from secrets import token_bytes
from typing import TYPE_CHECKING, NamedTuple

from models.privacy.envelope import KEY_BYTES, NONCE_BYTES, WRAPPED_BYTES, Envelope, Envelopes
from models.state import state_keys
from streams.config.topics import ANSWERS
from streams.effects import NO_HEADERS, Message, Reader
from streams.pipeline.visitors import VisitorEntry

if TYPE_CHECKING:
    from streams.pipeline.stages import ChunkRun


class Sealer(NamedTuple):
    """What a worker seals by: the master secret, and the id of the topic of keys, as the broker has it.

    The id is kept beside each key in the state. Where it is another one, the topic was made anew without the
    key, and so the key is written once more.
    """

    envelopes: Envelopes
    topic_id: str

    def opened(self, visitor: bytes, kept: bytes) -> tuple[Envelope, bytes | None]:
        """A key as the state has it, and wrapped where the topic lacks it. Raises WrongMaster."""
        wrapped, topic_id = kept[:WRAPPED_BYTES], kept[WRAPPED_BYTES:]
        lacking = topic_id != self.topic_id.encode()
        return self.envelopes.unwrap(visitor, wrapped), wrapped if lacking else None

    def made(self, visitor: bytes) -> tuple[Envelope, bytes]:
        """A new key, and as it is wrapped."""
        wrapped = self.envelopes.wrap(visitor, token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES))
        return self.envelopes.unwrap(visitor, wrapped), wrapped

    def kept(self, wrapped: bytes | None) -> bytes | None:
        """What the state keeps of a wrapped key."""
        return None if wrapped is None else wrapped + self.topic_id.encode()


def keyed(sealer: Sealer | None, state: Reader) -> bool:
    """Whether a partition's state has keys, or may come to have some. Raises WrongMaster.

    With another secret every click of a known visitor would become a dead letter.
    """
    first = next(iter(state.scan(state_keys.ENVELOPE)), None)
    if sealer is not None and first is not None:
        sealer.opened(state_keys.envelope_owner(first[0]), first[1])
    return sealer is not None or first is not None


@dataclass(slots=True)
class Sealing:
    """One chunk's keys by the key of their visitor's record, and in `made` those to be written, wrapped.

    Nobody else has a key before its transaction is committed: an aborted one seals nothing that can be read.
    """

    sealer: Sealer | None
    ready: dict[bytes, Envelope] = field(default_factory=dict)
    made: dict[bytes, bytes] = field(default_factory=dict)

    def sealed(self, passage: "ChunkRun") -> list[tuple[Message, ...]]:
        """The answers as they are published; what the worker remembers of them stays plain."""
        if self.sealer is None:
            return passage.answers
        nonces = _nonces(len(ANSWERS) * len(passage.answers))
        return [
            tuple(
                (key, one.seal(role, value or b"", next(nonces)), headers)
                for role, (key, value, headers) in zip(ANSWERS, answers, strict=True)
            )
            for one, answers in zip(self._of_clicks(passage), passage.answers, strict=True)
        ]

    def _of_clicks(self, passage: "ChunkRun") -> Iterator[Envelope]:
        """The key of each click's visitor; who is born, for the first time or again, gets a new one."""
        assert self.sealer is not None
        self._read(passage, self.sealer)
        for applied in passage.applied:
            key = applied.entry.key
            if applied.facts.born or key not in self.ready:
                self.ready[key], self.made[key] = self.sealer.made(state_keys.visitor_name(key))
            yield self.ready[key]

    def _read(self, passage: "ChunkRun", sealer: Sealer) -> None:
        """Keys of known visitors: from the chunks before, else from the state in one multi-get."""
        first = {applied.entry.key: applied.facts.born for applied in reversed(passage.applied)}
        at_hand = passage.memory.envelopes
        known = [key for key, born in first.items() if not born]
        self.ready = {key: at_hand.pop(key) for key in known if key in at_hand}
        missing = [key for key in known if key not in self.ready]
        stored = passage.work.state.get([state_keys.envelope(key) for key in missing])
        for key, kept in zip(missing, stored, strict=True):
            if kept is not None:
                self.ready[key], lacking = sealer.opened(state_keys.visitor_name(key), kept)
                if lacking is not None:
                    self.made[key] = lacking

    def changes(self, passage: "ChunkRun") -> list[tuple[bytes, bytes | None]]:
        """New keys, and deletions of those whose visitor is forgotten or has expired, for the state.

        The same goes to the topic of keys. Where sealing was turned off the state alone is cleaned: the topic
        may be gone.
        """
        if not passage.memory.keyed:
            return []
        gone = [one.key for one in passage.entries.values() if self._loses(one, passage.forgotten)]
        for key in gone:
            self.ready.pop(key, None)
        if self.sealer is None:
            return [(state_keys.envelope(key), None) for key in gone]
        changed: dict[bytes, bytes | None] = {**self.made, **dict.fromkeys(gone)}
        if changed:
            passage.outputs[passage.rules.names.visitor_keys] = [
                (state_keys.visitor_name(key), wrapped, NO_HEADERS) for key, wrapped in changed.items()
            ]
        return [(state_keys.envelope(key), self.sealer.kept(wrapped)) for key, wrapped in changed.items()]

    def _loses(self, entry: VisitorEntry, forgotten: set[bytes]) -> bool:
        """Whether a visitor's key goes: they are gone, or came anew after being forgotten and got none."""
        made = entry.key in self.made
        anew = entry.key in forgotten and not made
        return (entry.visitor is None or anew) and (entry.known or made)

    def committed(self, passage: "ChunkRun") -> None:
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
