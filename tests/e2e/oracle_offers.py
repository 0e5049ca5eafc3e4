"""The oracle's exposure state, from docs/decisioning.md: counters, open decisions and parked outcomes."""

import tomllib
from dataclasses import dataclass, field

from tests.e2e.oracle_feedback import OF_DECISIONS, Lists, Outcomes, hash_of, kind_of, told, value_of

DAY_MS = 86_400_000
SHOWN = 1
MOST_OPEN, MOST_PARKED, MOST_COUNTERS, MOST_COUNT = 64, 8, 32, 65_535


class Actions:
    """The actions file: names and caps in file order."""

    def __init__(self, text):
        found = tomllib.loads(text)
        self.placement = found["placement"]
        self.names = [action["name"] for action in found["actions"]]
        self.caps = [action.get("caps", {}) for action in found["actions"]]
        self.none = [action["kind"] for action in found["actions"]].index("none")
        self.hashes = [hash_of(name) & 0xFFFF_FFFF for name in self.names]


@dataclass
class Count:
    session: int = 0
    day: int = 0
    today: int = 0
    last: int = 0
    shown_session: int = 0
    shown_today: int = 0

    def turn(self, ts):
        if ts // DAY_MS > self.day:
            self.day, self.today, self.shown_today = ts // DAY_MS, 0, 0

    def serve(self, ts):
        self.turn(ts)
        self.session, self.today = capped(self.session + 1), capped(self.today + 1)
        self.last = max(self.last, ts)

    def show(self, ts):
        self.turn(ts)
        self.shown_session, self.shown_today = capped(self.shown_session + 1), capped(self.shown_today + 1)


def capped(count):
    return min(count, MOST_COUNT)


@dataclass
class Waiting:
    """A decision that awaits outcomes, or outcomes that await their decision (action 0)."""

    decision: int
    action: int
    ts: int
    bits: int


@dataclass
class Offers:
    """One visitor's exposure."""

    window: int
    counts: dict[int, Count] = field(default_factory=dict)
    open: list[Waiting] = field(default_factory=list)
    parked: list[Waiting] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    lists: Lists = None
    #: Ended decisions; decisions made, by hash: id and action.
    ended: list = field(default_factory=list)
    made: dict = field(default_factory=dict)

    def __post_init__(self):
        self.lists = self.lists or Lists(self.window, [])

    def count(self, action):
        if action not in self.counts:
            if len(self.counts) >= MOST_COUNTERS:
                del self.counts[min(self.counts, key=lambda known: (self.counts[known].last, known))]
            self.counts[action] = Count()
        return self.counts[action]

    def session_started(self):
        for count in self.counts.values():
            count.session = count.shown_session = 0

    def close(self, reached):
        for entry in [one for one in self.open if one.ts + self.window <= reached]:
            self.open.remove(entry)
            self._end(entry, "window", entry.ts + self.window)
        for entry in [one for one in self.parked if one.ts + self.window <= reached]:
            self.parked.remove(entry)
            self.outcomes.take(entry.decision)
        self.lists.close(reached)

    def _end(self, entry, how, at):
        decision_id, action = self.made.pop(entry.decision)
        self.ended.append(
            {
                "decision_id": decision_id,
                "action": action,
                "decided_at": entry.ts,
                "closed_at": at,
                "ended": how,
                "outcomes": told(self.outcomes.take(entry.decision), entry.ts, self.window),
            }
        )

    def next_due(self):
        times = [entry.ts + self.window for entry in [*self.open, *self.parked, *self.lists.followed]]
        return min(times) if times else 0

    def outcome(self, click):
        """Whether the click's outcome was parked."""
        kind = kind_of(click, OF_DECISIONS)
        if click.get("decision_id") is None or kind is None:
            return False
        decision, bit = hash_of(click["decision_id"]), 1 << kind
        said = decision, kind, 0, click["ts"], value_of(click, kind)
        for entry in self.open:
            if entry.decision == decision:
                if click["ts"] - entry.ts < self.window:
                    self.outcomes.add(*said)
                    self._fulfil(entry, bit, click["ts"])
                return False
        self.outcomes.add(*said)
        for entry in self.parked:
            if entry.decision == decision:
                entry.bits |= bit
                return True
        if (gone := push(self.parked, Waiting(decision, 0, click["ts"], bit), MOST_PARKED)) is not None:
            self.outcomes.take(gone.decision)
        return True

    def _fulfil(self, entry, bit, ts):
        if entry.bits & bit:
            return
        entry.bits |= bit
        if bit == SHOWN:
            self.count(entry.action).show(ts)

    def mask(self, actions, ts, consent):
        if not consent:
            return 1 << actions.none
        return sum(1 << bit for bit in range(len(actions.names)) if self._allowed(actions, bit, ts))

    def _allowed(self, actions, position, ts):
        count, caps = self.counts.get(actions.hashes[position]), actions.caps[position]
        if count is None:
            return True
        if "per_session" in caps and count.session >= caps["per_session"]:
            return False
        if "per_day" in caps and count.today >= caps["per_day"] and ts // DAY_MS <= count.day:
            return False
        return not ("cooldown_minutes" in caps and ts - count.last < caps["cooldown_minutes"] * 60_000)

    def record(self, actions, position, decision_id, ts):
        decision, action = hash_of(decision_id), actions.hashes[position]
        count = self.count(action)
        count.serve(ts)
        if any(entry.decision == decision for entry in self.open):
            return
        entry = Waiting(decision, action, ts, 0)
        for parked in [waiting for waiting in self.parked if waiting.decision == decision]:
            self.parked.remove(parked)
            entry.bits = parked.bits
            if parked.bits & SHOWN:
                count.show(parked.ts)
        self.made[decision] = decision_id, actions.names[position]
        if (gone := push(self.open, entry, MOST_OPEN)) is not None:
            self._end(gone, "evicted", ts)


def push(entries, entry, most):
    """Append; one too many displaces the one with the smallest time, the first among equals."""
    entries.append(entry)
    if len(entries) <= most:
        return None
    gone = min(entries, key=lambda waiting: waiting.ts)
    entries.remove(gone)
    return gone
