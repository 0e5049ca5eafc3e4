"""What one chunk opens and closes, in order, and what it comes to: records, and changes of the state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from models.feedback import reward_records as records
from models.feedback.recommended import ClosedList
from models.feedback.reward_mix import RewardMix
from models.feedback.reward_records import Joined, KeptDecision
from models.state import exposure, state_keys
from models.state.exposure import Closed, Withdrawn
from models.state.facts import Transition
from streams.effects import Reader
from streams.partition_state.visitors import VisitorEntry

#: How decisions end, as the metric counts them. Of the last three there is no record.
WINDOW, EVICTED, WITHDRAWN, ERASED, MISSING = "window", "evicted", "withdrawn", "erased", "missing"
#: A followed recommendation whose list is not known.
UNKNOWN = "unknown"
#: For a decision whose placement the actions file has no more.
_PLAIN = RewardMix()
_encode = msgspec.json.Encoder().encode


class Opening(msgspec.Struct, gc=False):
    """A decision that was made in this chunk; `kept` is what the state keeps of it."""

    entry: VisitorEntry
    key: bytes
    kept: bytes = b""


class Closing(NamedTuple):
    """A decision that closed; `at` is the event time (epoch ms)."""

    entry: VisitorEntry
    key: bytes
    closed: Closed
    at: int


class GivenUp(NamedTuple):
    """A decision whose visitor refused consent."""

    key: bytes


class ListClosing(NamedTuple):
    """A followed recommendation that closed."""

    entry: VisitorEntry
    closed: ClosedList
    at: int


class Published(NamedTuple):
    """A record of the visitor of `entry`; and what is counted of it."""

    entry: VisitorEntry
    value: bytes


class EndedDecision(NamedTuple):
    """A decision that ended with a record."""

    kept: KeptDecision
    joined: Joined


@dataclass(slots=True)
class Joins:
    """One chunk's decisions and recommendations as they open and close.

    `window_ms` is the attribution window. After `finish`: the records, and the changes of the state.
    """

    window_ms: int
    steps: list[Opening | Closing | GivenUp] = field(default_factory=list)
    lists: list[ListClosing] = field(default_factory=list)
    #: Entries of visitors as they were when they were erased.
    dropped: list[VisitorEntry] = field(default_factory=list)
    rewards: list[Published] = field(default_factory=list)
    recommendations: list[Published] = field(default_factory=list)
    changes: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    #: What is counted: outcomes by what they named, kind and fate; ends of decisions and of lists; records.
    fates: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    list_ends: Counter[str] = field(default_factory=Counter)
    ended: list[EndedDecision] = field(default_factory=list)
    followed: list[tuple[str, str, list[str]]] = field(default_factory=list)

    def open(self, entry: VisitorEntry, decision: int) -> Opening:
        """A decision was made; the encoder adds what is kept of it."""
        opening = Opening(entry, state_keys.decision(entry.key, decision))
        self.steps.append(opening)
        return opening

    def note(self, entry: VisitorEntry, transitions: Sequence[Transition], now: int = 0) -> None:
        """Decisions and recommendations of a visitor that closed; displaced ones did so at `now`."""
        for one in transitions:
            if type(one) is Closed:
                if one.action:
                    key = state_keys.decision(entry.key, one.decision)
                    self.steps.append(Closing(entry, key, one, self._end(one.ts, one.evicted, now)))
            elif type(one) is ClosedList:
                self.lists.append(ListClosing(entry, one, self._end(one.followed.ts, one.evicted, now)))
            elif type(one) is Withdrawn:
                self.steps.append(GivenUp(state_keys.decision(entry.key, one.decision)))

    def _end(self, ts: int, evicted: bool, now: int) -> int:
        return now if evicted else ts + self.window_ms

    def finish(self, state: Reader, mixes: Mapping[str, RewardMix], sealed: bool) -> None:
        """Make the records of what closed, and the changes of the state; `mixes` are by placement.

        `sealed`: answers are sealed, so nothing may be published of a visitor who was erased in this chunk.
        It would be sealed with the key of the visitor's next life.
        """
        if self.steps or self.dropped:
            self._decisions(state, mixes, sealed)
        for entry, closed, at in self.lists:
            self._list(entry, closed, at, sealed)

    def _decisions(self, state: Reader, mixes: Mapping[str, RewardMix], sealed: bool) -> None:
        stored, put, gone = self._stored(state), dict[bytes, Opening](), set[bytes]()
        for step in self.steps:
            if type(step) is Opening:
                put[step.key] = step
                continue
            opened = put.pop(step.key, None)
            if opened is None:
                gone.add(step.key)
            if type(step) is GivenUp:
                self.ends[WITHDRAWN] += 1
            elif type(step) is Closing:
                self._close(step, opened.kept if opened else stored.pop(step.key, None), mixes, sealed)
        for entry in self.dropped:
            self._erase(entry, put, gone)
        self.changes = [(key, None) for key in gone if key not in put]
        self.changes += [(key, opening.kept) for key, opening in put.items()]

    def _stored(self, state: Reader) -> dict[bytes, bytes | None]:
        """The decisions that closed and were kept by an earlier chunk."""
        opened, wanted = set[bytes](), list[bytes]()
        for step in self.steps:
            if type(step) is Opening:
                opened.add(step.key)
            elif type(step) is Closing and step.key not in opened:
                wanted.append(step.key)
        return dict(zip(wanted, state.get(wanted), strict=True)) if wanted else {}

    def _close(
        self, step: Closing, value: bytes | None, mixes: Mapping[str, RewardMix], sealed: bool
    ) -> None:
        if value is None:
            self.ends[MISSING] += 1
            return
        if sealed and any(entry is step.entry for entry in self.dropped):
            self.ends[ERASED] += 1
            return
        closed, kept = step.closed, records.decode(value)
        mix = mixes.get(kept.placement, _PLAIN)
        how = records.EVICTED if closed.evicted else records.WINDOW
        joined = records.join(kept, closed.ts, step.at, how, closed.happened, self.window_ms, mix)
        self.rewards.append(Published(step.entry, joined.record))
        self.ends[EVICTED if closed.evicted else WINDOW] += 1
        self.ended.append(EndedDecision(kept, joined))

    def _erase(self, entry: VisitorEntry, put: dict[bytes, Opening], gone: set[bytes]) -> None:
        """The open decisions of an erased visitor leave the state; those of their next life stay."""
        visitor = entry.visitor
        if visitor is None:
            return
        for one in exposure.withdraw(visitor.exposure):
            key = state_keys.decision(entry.key, one.decision)
            opening = put.get(key)
            if opening is not None and opening.entry is not entry:
                continue
            if put.pop(key, None) is None:
                gone.add(key)
            self.ends[ERASED] += 1

    def _list(self, entry: VisitorEntry, closed: ClosedList, at: int, sealed: bool) -> None:
        if sealed and any(one is entry for one in self.dropped):
            self.list_ends[ERASED] += 1
            return
        visitor = state_keys.visitor_id(entry.key)
        made = records.recommendation_outcome(closed, visitor, at, self.window_ms)
        if made is None:
            self.list_ends[UNKNOWN] += 1
            return
        self.list_ends[made.ended] += 1
        self.followed.append((made.model_version, made.rung, [one.event for one in made.outcomes]))
        self.recommendations.append(Published(entry, _encode(made)))
