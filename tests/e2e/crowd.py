"""Visitors who log in on several devices: late, twice, as somebody else; all drawn from a seed.

Cross-topic order is arbitrary, so a profile is given to nobody who refuses consent or is forgotten: which of
the two came last would decide.
"""

import json
from random import Random
from typing import NamedTuple

from models.privacy.erasure import FORGET, FORGET_USER
from streams.transport.routing import home

START = 1_700_000_000_000
MINUTE = 60_000
HOURS = 4
STAMPED = [("original-time", b"1")]
KINDS = ("page_view", "view_item", "view_item", "select_item", "add_to_cart", "purchase")


class Sent(NamedTuple):
    """A record for `clicks` or, where `profile`, for `profiles`; `partition` None means by key."""

    key: bytes
    value: bytes | None
    headers: list
    partition: int | None = None
    profile: bool = False


class Crowd:
    """`visitors`, `links` logins among them, and what else happens, as one list in the order of sending."""

    def __init__(self, seed, visitors, links, partitions):
        self.rng, self.partitions = Random(f"{seed} crowd"), partitions
        self.visitors, self.users = visitors, max(1, links * 2 // 5)
        self.counts = {}
        self._timed = []
        self._number = 0
        rng = self.rng
        some = self._some
        self.strays = {name: rng.randrange(partitions) for name in some(visitors, 100)}
        self.refusing, self.forgotten = {*some(visitors, 100)}, {*some(visitors, 400)}
        self.forgotten_users = {*some(self.users, 100, "u")}
        #: Visitors who were ever linked to a user who is forgotten.
        self.theirs = set()
        self.given = {}
        for n in range(visitors):
            self._sessions(f"v{n}")
        for _ in range(links):
            self._login()
        self._forget()
        self._profiles()

    def _some(self, count, one_in, kind="v"):
        return [f"{kind}{number}" for number in self.rng.sample(range(count), count // one_in)]

    def records(self):
        """All of them."""
        return [record for _, _, record in sorted(self._timed, key=lambda one: one[:2])]

    def last(self, number, partition):
        """Clicks that let event time reach the end of every session."""
        ts = START + (HOURS + 20 + number) * 60 * MINUTE
        return self._click(f"end-{partition}", ts, "page_view", {}, partition)

    def _count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def _at(self, ts, record):
        self._number += 1
        self._timed.append((ts, self._number, record))

    def _moment(self):
        return START + self.rng.randrange(HOURS * 60 * MINUTE)

    def _sessions(self, name):
        rng, ts = self.rng, self._moment()
        for _ in range(rng.choice((1, 1, 2, 3, 4))):
            fields = {}
            if name in self.refusing and rng.random() < 0.6:
                fields["consent"] = rng.random() < 0.5
            self._send(name, ts, rng.choice(KINDS), fields)
            ts += rng.randrange(MINUTE, 5 * MINUTE) if rng.random() < 0.7 else rng.randrange(90 * MINUTE)

    def _login(self):
        """Every second visitor logs in at all, so that many do so again, and some as somebody else."""
        rng = self.rng
        name, user = f"v{rng.randrange(self.visitors // 2)}", f"u{rng.randrange(self.users)}"
        if user in self.forgotten_users:
            self.theirs.add(name)
        ts = sent = self._moment()
        if rng.random() < 0.1:
            # Told late: another login may have come in between.
            self._count("late")
            sent = ts + rng.randrange(8 * MINUTE)
        self._count("logins")
        record = self._send(name, ts, rng.choice(("login", "login", "view_item")), {"user_id": user}, sent)
        if rng.random() < 0.1:
            self._count("twice")
            self._at(sent + rng.randrange(30 * MINUTE), record)
        if rng.random() < 0.2:
            self._count("again")
            again = ts + rng.randrange(60 * MINUTE)
            self._send(name, again, "login", {"user_id": user}, again)

    def _send(self, name, ts, kind, fields, sent=None):
        rng, item = self.rng, self.rng.randrange(500)
        if kind in ("view_item", "select_item", "add_to_cart", "purchase"):
            known = {"item_id": f"i{item}", "category": f"c{item % 40}", "price": round(1 + item / 7, 2)}
            fields = {**known, **fields}
        if kind == "purchase":
            fields["value"] = round(rng.uniform(1, 500), 2)
        record = self._click(name, ts, kind, fields, self.strays.get(name))
        self._at(ts if sent is None else sent, record)
        return record

    def _click(self, name, ts, kind, fields, partition):
        self._number += 1
        known = {"event_id": f"e{self._number}", "visitor_id": name, "ts": ts, "event": kind}
        return Sent(name.encode(), json.dumps(known | fields).encode(), STAMPED, partition)

    def _forget(self):
        wanted = [(FORGET, name) for name in sorted(self.forgotten)]
        wanted += [(FORGET_USER, name) for name in sorted(self.forgotten_users)]
        for header, name in wanted:
            ts = self._moment()
            for partition in range(self.partitions):
                self._at(ts, Sent(name.encode(), None, [(header, f"r-{name}".encode())], partition))

    def _profiles(self):
        """Of one visitor in twenty and one user in ten; some of them change, and some are taken back."""
        rng = self.rng
        barred = self.refusing | self.forgotten | self.strays.keys() | self.forgotten_users | self.theirs
        visitors = {f"v{n}": "visitor_id" for n in range(0, self.visitors, 20)}
        users = {f"u{n}": "user_id" for n in range(0, self.users, 10)}
        for name, field in {**visitors, **users}.items():
            if name in barred:
                continue
            ts, stamp = self._moment(), START + rng.randrange(10**6)
            for number in range(rng.choice((1, 1, 2, 3))):
                value = {field: name, "ts": stamp + number, "gender": rng.choice("fm")}
                value |= {"interests": {f"c{rng.randrange(40)}": rng.randrange(1, 10) / 10}}
                self._profile(ts + number, name, field, value)
            if rng.random() < 0.1:
                self._profile(ts + 10, name, field, None)

    def _profile(self, ts, name, field, value):
        self._count("profiles")
        self.given[name] = value
        text = None if value is None else json.dumps(value).encode()
        self._at(ts, Sent(name.encode(), text, [], None, True))

    def where(self, name):
        """The partition of a visitor's clicks, or of a user."""
        return self.strays.get(name, home(name.encode(), self.partitions))
