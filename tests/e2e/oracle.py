"""An independent account of what one partition's clicks do to its state, one event at a time.

Written from docs/state.md and docs/decisioning.md alone, slow and plain on purpose: it shares no code with
what it checks but the names of fields. The actions that were published are taken as given; the context
that they were decided in is not.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import xxhash

from tests.e2e.oracle_analytics import Analytics
from tests.e2e.oracle_basket import category_hash
from tests.e2e.oracle_feedback import Lists
from tests.e2e.oracle_input import EVENTS, arrival, read
from tests.e2e.oracle_offers import Actions, Offers
from tests.e2e.oracle_shopper import (
    CLIPPED,
    CLOCK,
    FRESH,
    MINUTE_MS,
    RATE,
    REORDERED,
    Rules,
    Shopper,
    minute_of,
)


class Answer(NamedTuple):
    """What must have been published for an applied click, sent at `sent`; `context` lacks what models say."""

    event_id: str
    visitor_id: str
    session: int
    position: int
    context: dict
    consent: bool
    sent: int


@dataclass
class Funnel:
    events: list[int] = field(default_factory=lambda: [0] * 17)
    started: int = 0
    ended: int = 0
    bought: int = 0
    clicks: int = 0
    edges: dict[int, int] = field(default_factory=dict)


@dataclass
class Interest:
    views: int = 0
    carts: int = 0
    purchases: int = 0
    other: int = 0
    category: int = 0


@dataclass
class Ends:
    """What ends of one visitor's goes to the partition's list."""

    to: list
    who: dict

    def append(self, one):
        self.to.append(self.who | one)


class Partition:
    """One partition. `answers`, `letters` (offset, reason) and `duplicates` grow as records are applied."""

    def __init__(self, rules: Rules, actions: Actions):
        self.rules, self.actions = rules, actions
        self.watermark = 0
        self.shoppers: dict[bytes, Shopper] = {}
        self.funnels = defaultdict(Funnel)
        self.interests = defaultdict(Interest)
        self.analytics = Analytics()
        self.answers: list[Answer] = []
        self.letters: list[tuple[int, str]] = []
        self.duplicates = 0
        #: Records that must be on `rewards` and `recommendation-outcomes`, in no order.
        self.rewards: list[dict] = []
        self.followed: list[dict] = []

    @property
    def reached(self):
        return self.watermark // MINUTE_MS * MINUTE_MS

    def apply(self, record, action_of, list_of=lambda event_id: None):
        """Apply one record; `action_of(event_id)` says which action was published for it.

        `list_of(event_id)` likewise which list: tier, model version and items.
        """
        click, reason = read(record)
        if click is None:
            self.letters.append((record.offset, reason))
            return
        # Every readable click moves the partition's event time, also one that is repeated or late.
        self.watermark = max(self.watermark, click["ts"])
        shopper = self._in_time(record.key)
        digest = xxhash.xxh3_64_digest(click["event_id"].encode())
        if digest in shopper.ids:
            self.duplicates += 1
            return
        behind = shopper.last_ts - click["ts"]
        click["behind another clock"] = behind > self.rules.lateness
        if click["behind another clock"] and not self._just_made(click, behind, arrival(record)):
            self.letters.append((record.offset, "late"))
        else:
            shopper.ids = [*shopper.ids, digest][-32:]
            click["sent"] = record.timestamp
            self._step(shopper, click, lambda event_id: (action_of(event_id), list_of(event_id)))

    def _just_made(self, click, behind, arrived):
        near = arrived >= 0 and abs(click["ts"] - arrived) <= self.rules.clocks
        return near and behind <= self.rules.clocks

    def _in_time(self, key):
        """The visitor after what time has done, a new one where it is unknown or expired."""
        known = self.shoppers.get(key)
        if known is None or self._pass_time(known):
            known = self.shoppers[key] = Shopper(self._offers(key))
        known.key = key
        return known

    def _offers(self, key):
        """An empty exposure, whose ended decisions and lists are those of the partition."""
        window, who = self.rules.window, {"visitor_id": key.decode()}
        return Offers(window, lists=Lists(window, Ends(self.followed, who)), ended=Ends(self.rewards, who))

    def _pass_time(self, shopper):
        """What time alone does; whether the visitor expired."""
        self._close_offers(shopper)
        if self.reached < shopper.session_timer * MINUTE_MS:
            return False
        due = self._due(shopper)
        while due <= self.reached:
            if shopper.churned:
                return True
            if shopper.ended:
                shopper.churned = True
            else:
                self._end(shopper)
            due = self._due(shopper)
        shopper.session_timer = minute_of(due)
        return False

    def _due(self, shopper):
        rules = self.rules
        away = rules.ttl if shopper.churned else rules.churn if shopper.ended else rules.gap
        return shopper.last_ts + away

    def _close_offers(self, shopper):
        if shopper.exposure_timer and self.reached >= shopper.exposure_timer * MINUTE_MS:
            shopper.offers.close(self.reached)
            shopper.exposure_timer = minute_of(shopper.offers.next_due())

    def _end(self, shopper, sign=1):
        """A session ended, or (sign -1) goes on after all."""
        pane = self.funnels[shopper.last_ts // self.rules.pane]
        pane.ended += sign
        pane.bought += sign * (shopper.purchases > 0)
        self.analytics.end(shopper, sign)
        shopper.ended = sign > 0

    def _step(self, shopper, click, answer_of):
        now, rules = max(click["ts"], shopper.last_ts), self.rules
        flags = REORDERED * (click["ts"] < shopper.last_ts) | CLIPPED * click["clipped"]
        flags |= CLOCK * click["behind another clock"]
        flags |= RATE * (shopper.count_rate(now) > rules.per_minute)
        denied = shopper.denied
        refuses = click.get("consent") is False
        if refuses or (click.get("consent") is True and now == click["ts"]):
            shopper.denied = refuses
        born = shopper.last_ts == 0
        fresh = born or shopper.denied != denied or not self._goes_on(shopper, now)
        if fresh:
            flags |= FRESH
            if not born and not shopper.ended:
                self._end(shopper)
            shopper.start_session(now, born)
        elif shopper.ended:
            self._end(shopper, -1)
        if refuses:
            shopper.erase(now)
        if click["event"] == "purchase" and not shopper.denied and shopper.orders.repeats(click):
            # An order's page that is loaded again.
            click["event"] = "page_view"
        self._enter(shopper, click, now, flags)
        self._offer(shopper, click, born, fresh, answer_of)

    def _goes_on(self, shopper, now):
        rules = self.rules
        in_time = now - shopper.last_ts <= rules.gap and now - shopper.start_ts <= rules.session
        return in_time and shopper.in_session < rules.clicks

    def _enter(self, shopper, click, now, flags):
        event = 1 + EVENTS.index(click["event"])
        dwell = 0 if flags & FRESH else now - shopper.last_ts
        shopper.dwell_ms += dwell
        shopper.counts[event] = min(65_535, shopper.counts[event] + 1)
        shopper.in_session += 1
        shopper.last_ts = now
        previous = shopper.codes[-1].event if shopper.codes and not flags & FRESH else 0
        code = shopper.code_of(click, dwell, flags)
        if not shopper.denied:
            shopper.keep(click, code, now)
        shopper.describe(click)
        shopper.place(click)
        session_timer = minute_of(now + self.rules.gap)
        shopper.session_timer = (
            session_timer if shopper.session_timer == 0 else min(shopper.session_timer, session_timer)
        )
        self._count_funnel(click, event, flags, previous)
        self.analytics.click(shopper, click, previous, bool(flags & FRESH))
        looks = ("select_item", "view_item", "add_to_wishlist")
        if not flags & RATE and click["event"] in (*looks, "add_to_cart", "purchase"):
            self._count_items(click)
            self.analytics.look(click)

    def _count_funnel(self, click, event, flags, previous):
        pane = self.funnels[click["ts"] // self.rules.pane]
        pane.clicks += 1
        pane.events[event] += 1
        if flags & FRESH:
            pane.started += 1
        elif previous:
            edge = previous * 17 + event
            pane.edges[edge] = pane.edges.get(edge, 0) + 1

    def _count_items(self, click):
        fields = {"view_item": "views", "add_to_cart": "carts", "purchase": "purchases"}
        name, number = fields.get(click["event"], "other"), click["ts"] // self.rules.pane
        item = click.get("item_id")
        for counted in [item, *(click.get("basket") or ())]:
            if counted is not None:
                interest = self.interests[number, counted]
                setattr(interest, name, getattr(interest, name) + 1)
        if item is not None:
            interest = self.interests[number, item]
            interest.category = max(interest.category, category_hash(click.get("category")))

    def _offer(self, shopper, click, born, fresh, answer_of):
        """The exposure's turn: the outcome, the mask, and what was decided."""
        self._close_offers(shopper)
        if born or shopper.denied:
            shopper.offers, shopper.exposure_timer = self._offers(shopper.key), 0
        elif fresh:
            shopper.offers.session_started()
        consents = not shopper.denied
        if consents and shopper.offers.outcome(click):
            self._hold(shopper, click["ts"])
        action, listed = answer_of(click["event_id"])
        if consents:
            self._follow(shopper, click, listed)
        mask = shopper.offers.mask(self.actions, click["ts"], consents)
        self.answers.append(self._answer(shopper, click, mask))
        if consents and action is not None and action != self.actions.names[self.actions.none]:
            position = self.actions.names.index(action)
            identity = f"{click['event_id']}:{self.actions.placement}"
            shopper.offers.record(self.actions, position, identity, click["ts"])
            self._hold(shopper, click["ts"])

    def _follow(self, shopper, click, listed):
        lists = shopper.offers.lists
        lists.follow(click)
        if lists.followed:
            self._hold(shopper, min(one.ts for one in lists.followed))
        if listed is not None and lists.note(click["event_id"], click["ts"], listed):
            self._hold(shopper, click["ts"])

    def _hold(self, shopper, ts):
        minute = minute_of(ts + self.rules.window)
        shopper.exposure_timer = min(shopper.exposure_timer or minute, minute)

    def _answer(self, shopper, click, mask):
        begun = shopper.counts[1 + EVENTS.index("begin_checkout")]
        stage = (
            "bought"
            if shopper.purchases
            else "checkout"
            if begun
            else "cart"
            if shopper.cart.lines
            else "browsing"
        )
        context = {"stage": stage, "cart_milli": shopper.cart.value, "event": click["event"]}
        context |= {"click": shopper.in_session, "mask": mask}
        if shopper.denied:
            context["consent"] = False
        place = click["event_id"], click["visitor_id"], shopper.sessions, shopper.in_session
        return Answer(*place, context, not shopper.denied, click["sent"])

    def finish(self):
        """Time's part up to the last click, for everybody."""
        for key in list(self.shoppers):
            if self._pass_time(self.shoppers[key]):
                del self.shoppers[key]
