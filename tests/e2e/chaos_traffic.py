"""A shop's visitors for the chaos test: sessions in event time, outcomes of decisions, and what goes wrong.

Every item's clicks carry its price and category, so that the catalogue, which workers read at a time of their
own, can change under them without changing what the state keeps.
"""

import heapq
from collections import deque
from random import Random
from typing import NamedTuple

import msgspec

from models.contract.events import ITEM_EVENTS

START = 1_700_000_000_000
ITEMS = 1_000
CATEGORIES = 30
PLACEMENT = "shop"
MINUTE = 60_000
STAMPED = [("original-time", b"1")]
encode = msgspec.json.Encoder().encode

#: What a visitor does next, with weights; outcomes of decisions come on top.
EVENTS = {
    "page_view": 14,
    "search": 5,
    "view_item_list": 10,
    "select_item": 10,
    "view_item": 32,
    "add_to_wishlist": 3,
    "add_to_cart": 14,
    "remove_from_cart": 3,
    "begin_checkout": 3,
    "add_payment_info": 1,
    "purchase": 2,
    "refund": 0.3,
    "login": 1,
}


#: Events that may name a recommendation.
FOLLOWING = ("view_item_list", "select_item", "view_item", "purchase")


class Record(NamedTuple):
    """What the producer sends; `partition` None means by key."""

    key: bytes | None
    value: bytes
    headers: list
    partition: int | None = None


class Visitor:
    """One visitor's plans: `left` clicks in this session, and the decisions heard of."""

    def __init__(self, name, rng):
        self.name = name
        self.key = name.encode()
        self.refuses = rng.random() < 0.02
        self.left = 0
        self.sent = deque(maxlen=6)
        self.events = 0
        self.decision = None
        self.last_id = None


class Shop:
    """An endless, time-ordered stream of records; everything is drawn from `rng`."""

    def __init__(self, rng: Random, visitors: int, partitions: int):
        self.rng, self.partitions = rng, partitions
        self.visitors = {}
        self.counts = {}
        self._queue = []
        self._names = list(EVENTS)
        self._weights = list(EVENTS.values())
        self._backlog = deque()
        self._old = deque(maxlen=2_000)
        for _ in range(visitors):
            self._arrive(START + rng.randrange(60 * MINUTE))

    def _arrive(self, ts):
        visitor = Visitor(f"v{len(self.visitors)}", self.rng)
        self.visitors[visitor.name] = visitor
        visitor.left = self.rng.randrange(30, 60)
        heapq.heappush(self._queue, (ts, len(self.visitors), visitor))

    def heard(self, visitor, decision):
        """A decision for a visitor was read from `ad-decisions`."""
        known = self.visitors.get(visitor)
        if known is not None:
            known.decision = decision

    def next(self):
        """The next record to send."""
        if self._backlog:
            return self._backlog.popleft()
        ts, number, visitor = heapq.heappop(self._queue)
        self._schedule(ts, number, visitor)
        record = self._record(ts, visitor)
        visitor.sent.append(record)
        return self._disturbed(record, ts, visitor)

    def _schedule(self, ts, number, visitor):
        rng = self.rng
        visitor.left -= 1
        if visitor.left > 0:
            pause = int(rng.expovariate(1 / 15_000)) + 100
        else:
            visitor.left = rng.choice((3, 8, 15, 25, 40, 60))
            draw = rng.random()
            if draw > 0.95:
                self._arrive(ts + rng.randrange(30 * MINUTE))
                return
            pause = rng.randrange(32, 70) * MINUTE if draw < 0.85 else rng.randrange(70, 150) * MINUTE
        heapq.heappush(self._queue, (ts + pause, number, visitor))

    def _record(self, ts, visitor):
        rng = self.rng
        click = {"event_id": f"{visitor.name}-{visitor.events}", "visitor_id": visitor.name}
        visitor.events += 1
        click |= {"ts": self._time(ts), "event": rng.choices(self._names, self._weights)[0]}
        self._outcome(click, visitor)
        self._followed(click, visitor)
        self._contents(click)
        self._segment(click)
        self._consent(click, visitor)
        visitor.last_id = click["event_id"]
        return Record(visitor.key, encode(click), STAMPED)

    def _time(self, ts):
        """Mostly in order; sometimes reordered, now and then too late."""
        draw = self.rng.random()
        if draw < 0.003:
            return self._counted("late", ts - self.rng.randrange(5 * MINUTE, 60 * MINUTE))
        return ts - self.rng.randrange(2 * MINUTE) if draw < 0.02 else ts

    def _outcome(self, click, visitor):
        """Every fifth click tells of a decision: one heard of, or one that may not have been made yet."""
        rng = self.rng
        if rng.random() > 0.2 and click["event"] != "purchase":
            return
        guessed = visitor.last_id and f"{visitor.last_id}:{PLACEMENT}"
        decision = visitor.decision if rng.random() < 0.9 else guessed
        if decision:
            click["decision_id"] = self._counted("outcomes", decision)
            if click["event"] != "purchase":
                names = ("view_promotion", "view_promotion", "select_promotion", "rate_item")
                click["event"] = rng.choice(names)
            if rng.random() < 0.05:
                click["outcome"] = "dismissed"

    def _followed(self, click, visitor):
        """Some clicks follow a recommendation: mostly the one before, or one that was long ago."""
        rng = self.rng
        if visitor.events > 1 and click["event"] in FOLLOWING and rng.random() < 0.15:
            back = 1 if rng.random() < 0.7 else rng.randrange(1, 30)
            number = max(0, visitor.events - 1 - back)
            click["recommendation_id"] = self._counted("followed", f"{visitor.name}-{number}")

    def _contents(self, click):
        rng, event = self.rng, click["event"]
        if event in ITEM_EVENTS:
            click |= priced(self._item())
        if event in ("page_view", "view_item_list", "view_item"):
            click["page"] = f"/page/{rng.randrange(400)}"
        if event == "search":
            click["query"] = f"words {rng.randrange(1_000)}"
            click["result_count"] = rng.choice((0, 5, 90))
        if event in ("add_to_cart", "purchase") and rng.random() < 0.3:
            click["quantity"] = rng.choice((0, 1, 2, 3, 2_000))
        if event in ("add_to_cart", "remove_from_cart", "purchase") and rng.random() < 0.3:
            further = [self._item() for _ in range(rng.randrange(1, 5))]
            click["basket"] = [f"i{number}" for number in further]
            click["basket_prices"] = [price_of(number) for number in further]
        if event == "purchase" and rng.random() < 0.7:
            click |= {"transaction_id": f"t{rng.randrange(50)}", "value": round(rng.uniform(0, 900), 2)}

    def _segment(self, click):
        rng = self.rng
        if rng.random() < 0.5:
            click["device"] = rng.choice(("mobile", "desktop", "tablet"))
        if rng.random() < 0.2:
            click |= {"channel": rng.choice(("organic", "paid", "mail")), "country": f"C{rng.randrange(20)}"}

    def _item(self):
        """Few items are popular, most are not."""
        return int(ITEMS * self.rng.random() ** 3)

    def _consent(self, click, visitor):
        rng = self.rng
        if rng.random() < 0.001:
            visitor.refuses = not visitor.refuses
            click["consent"] = not visitor.refuses
        elif visitor.refuses and rng.random() < 0.9:
            click["consent"] = False

    def _disturbed(self, record, ts, visitor):
        """Repeats, strays, bursts and what nobody can read, beside the record itself."""
        rng, draw = self.rng, self.rng.random()
        if draw < 0.01:
            self._backlog.append(self._counted("repeated", rng.choice(visitor.sent)))
        elif draw < 0.011 and self._old:
            self._backlog.append(self._counted("repeated later", rng.choice(self._old)))
        elif draw < 0.013:
            return self._counted("strays", record._replace(partition=rng.randrange(self.partitions)))
        elif draw < 0.018:
            self._backlog.append(self._counted("unreadable", self._broken(record)))
        elif draw < 0.01803:
            self._backlog.extend(self._record(ts + 100 * n, visitor) for n in range(300))
        elif draw > 0.98:
            self._old.append(record)
        return record

    def _broken(self, record):
        kind = self.rng.randrange(7)
        key, value, headers, _ = record
        click = msgspec.json.decode(value)
        made = (
            lambda: (key, value[:-1], headers),
            lambda: (key, encode({**click, "event": "dance"}), headers),
            lambda: (key, encode({**click, "schema_version": 9}), headers),
            lambda: (None, value, headers),
            lambda: (b"nobody", value, headers),
            lambda: (key, value, []),
            lambda: (key, encode({**click, "event_id": ""}), headers),
        )[kind]()
        if self.rng.random() < 0.002:
            made = key, encode({**click, "query": "x" * 300_000}), headers
        return Record(*made)

    def _counted(self, name, what):
        self.counts[name] = self.counts.get(name, 0) + 1
        return what


def priced(number):
    """An item's fields on a click."""
    return {"item_id": f"i{number}", "category": f"c{number % CATEGORIES}", "price": price_of(number)}


def price_of(number):
    """What an item costs on every click, whatever the catalogue says later."""
    return round(1 + number * 7919 % 30_000 / 100, 2)


def catalogue_item(number, version):
    """An item's record on the topic `items`; its price and stock change with `version`."""
    known = {
        "category": f"c{number % CATEGORIES}",
        "price": price_of(number) + version,
        "stock": version % 50,
    }
    return f"i{number}".encode(), encode({**known, "title": f"Item {number}, revision {version}"})
