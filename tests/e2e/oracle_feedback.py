"""The oracle's feedback join, from docs/policies/feedback.md: outcomes, ended decisions, followed lists."""

import struct
from dataclasses import dataclass, field

import xxhash

from tests.e2e.oracle_basket import lines_of

KINDS = ("shown", "clicked", "bought", "rated", "dismissed")
OF_DECISIONS = {"view_promotion": 0, "select_promotion": 1, "purchase": 2, "rate_item": 3}
OF_LISTS = {**OF_DECISIONS, "view_item_list": 0, "select_item": 1, "view_item": 1}
RUNGS = ("neural", "session_knn", "popular_in_category", "popular")
LISTS_BYTES, MOST_FOLLOWED, MOST_OUTCOMES = 340, 8, 128


def hash_of(text):
    return xxhash.xxh3_64_intdigest(text.encode())


def kind_of(click, by_event):
    return KINDS.index(click["outcome"]) if click.get("outcome") else by_event.get(click["event"])


def value_of(click, kind):
    if kind == 2:
        parts = [price * (pieces or 1) for _, price, pieces in lines_of(click) if price is not None]
        said = click.get("value")
        return float(said if said is not None else sum(parts))
    return float(click.get("rating") or 0) if kind == 3 else 0.0


@dataclass
class Outcomes:
    """Time and value by hash of the id, kind and tag; of each the earliest."""

    found: dict = field(default_factory=dict)

    def add(self, subject, kind, tag, at, value):
        key = (subject, kind, tag)
        self.found[key] = min(self.found.get(key, (at, value)), (at, value))

    def take(self, subject):
        """Those of one id, which leave; as they were added."""
        own = {key: said for key, said in self.found.items() if key[0] == subject}
        self.found = {key: said for key, said in self.found.items() if key[0] != subject}
        return [(kind, tag, *said) for (_, kind, tag), said in own.items()]

    def packed(self):
        return b"".join(struct.pack("<QBHqd", *key, *said) for key, said in self.found.items())


def told(outcomes, since, window, tags=()):
    """Outcomes as a record has them."""
    made = [
        (at, kind, tags.index(tag) + 1 if tag in tags else 0, value)
        for kind, tag, at, value in outcomes
        if at - since < window
    ]
    return [
        {"event": KINDS[kind], "at": at}
        | ({"value": value} if value else {})
        | ({"position": position} if position else {})
        for at, kind, position, value in sorted(made)
    ]


@dataclass
class Followed:
    name: str
    ts: int
    rung: int = -1
    model: str = ""
    tags: tuple = ()


def _packed(one):
    name = xxhash.xxh3_64_digest(one.name.encode())
    head = struct.pack("<8sqBBB", name, one.ts, one.rung, len(one.tags), len(one.model))
    return head + struct.pack(f"<{len(one.tags)}H", *one.tags) + one.model.encode()


@dataclass
class Lists:
    """A visitor's newest recommendations and the followed ones; `ended` are their records."""

    window: int
    ended: list
    latest: list = field(default_factory=list)
    followed: list = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)

    def note(self, event_id, ts, answer):
        """Keep the list of an answer; whether an outcome waited for it."""
        rung, model, items = answer
        tags = tuple(hash_of(item) & 0xFFFF or 1 for item in items)
        self.latest.append(Followed(event_id, ts, RUNGS.index(rung), model, tags))
        while len(self.packed_lists()) > LISTS_BYTES:
            self.latest.pop(0)
        for place, one in enumerate(self.followed):
            if one.name == event_id and one.rung < 0:
                self.followed[place] = self.latest[-1]
                return True
        return False

    def packed_lists(self):
        return b"".join(map(_packed, self.latest))

    def follow(self, click):
        """Join an outcome."""
        name, kind = click.get("recommendation_id"), kind_of(click, OF_LISTS)
        if name is None or kind is None:
            return
        known = next((one for one in self.followed if one.name == name), None)
        one = known or next(
            (one for one in reversed(self.latest) if one.name == name), Followed(name, click["ts"])
        )
        if click["ts"] - one.ts >= self.window:
            return
        if known is None:
            self.followed.append(one)
        tag = hash_of(click["item_id"]) & 0xFFFF or 1 if click.get("item_id") is not None else 0
        if one.rung >= 0 and tag not in one.tags:
            tag = 0
        self.outcomes.add(hash_of(name), kind, tag, click["ts"], value_of(click, kind))
        while len(self.followed) > MOST_FOLLOWED or len(self.outcomes.found) > MOST_OUTCOMES:
            self._end(min(self.followed, key=lambda one: one.ts), "evicted", click["ts"])

    def close(self, reached):
        for one in [one for one in self.followed if one.ts + self.window <= reached]:
            self._end(one, "window", one.ts + self.window)

    def _end(self, one, how, at):
        self.followed.remove(one)
        outcomes = told(self.outcomes.take(hash_of(one.name)), one.ts, self.window, one.tags)
        if one.rung >= 0:
            self.ended.append(
                {
                    "recommendation_id": one.name,
                    "model_version": one.model,
                    "rung": RUNGS[one.rung],
                    "items": len(one.tags),
                    "recommended_at": one.ts,
                    "closed_at": at,
                    "ended": how,
                    "outcomes": outcomes,
                }
            )

    def packed(self):
        followed = [
            [one.name, one.ts, one.rung, one.model, struct.pack(f"<{len(one.tags)}H", *one.tags)]
            for one in self.followed
        ]
        return [self.packed_lists(), followed, self.outcomes.packed()]
