"""The oracle's exposure state, from docs/decisioning.md: counters, open decisions and parked outcomes."""

import tomllib
from dataclasses import dataclass, field

import xxhash

DAY_MS = 86_400_000
OUTCOMES = {"view_promotion": 1, "select_promotion": 2, "purchase": 4, "rate_item": 8}
SHOWN = 1
MOST_OPEN, MOST_COUNTERS, MOST_COUNT = 8, 32, 65_535


def hash_of(text):
    return xxhash.xxh3_64_intdigest(text.encode())


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
        self.open = [entry for entry in self.open if entry.ts + self.window > reached]
        self.parked = [entry for entry in self.parked if entry.ts + self.window > reached]

    def next_due(self):
        times = [entry.ts + self.window for entry in self.open + self.parked]
        return min(times) if times else 0

    def outcome(self, click):
        """Whether the click's outcome was parked."""
        if click.get("decision_id") is None or click["event"] not in OUTCOMES:
            return False
        decision, bit = hash_of(click["decision_id"]), OUTCOMES[click["event"]]
        for entry in self.open:
            if entry.decision == decision:
                self._fulfil(entry, bit, click["ts"])
                return False
        for entry in self.parked:
            if entry.decision == decision:
                entry.bits |= bit
                return True
        push(self.parked, Waiting(decision, 0, click["ts"], bit))
        return True

    def _fulfil(self, entry, bit, ts):
        if ts - entry.ts >= self.window or entry.bits & bit:
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
        push(self.open, entry)


def push(entries, entry):
    """Append; a ninth displaces the one with the smallest time, the first among equals."""
    entries.append(entry)
    if len(entries) > MOST_OPEN:
        entries.remove(min(entries, key=lambda waiting: waiting.ts))
