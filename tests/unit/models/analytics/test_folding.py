"""Folds are bounded, commute, and lose nothing: what is beyond a bound is `(other)`, or told as an error."""

import pytest

from models.analytics import written_out as words
from models.analytics.analytics_config import PANE_MS
from models.analytics.analytics_records import encode_analytics
from models.analytics.collecting import Added, AddedCollector, decode_added, encode_added
from models.analytics.folding import MOST_PATHS, MOST_TRENDS, MOST_VALUES, fold
from models.analytics.merging import window_of
from models.contract.events import EVENT_CODES, Click
from models.durations import HOUR_MS
from models.sessions.lifecycle import SessionConfig, advance
from models.sessions.session import step

PANE = 2_833_333
T = PANE * PANE_MS
CONFIG = SessionConfig()
CODES = {name: bytes((code,)) for name, code in EVENT_CODES.items()}


class Shop:
    """Visitors and their clicks; everything is counted by one collector until it is taken."""

    def __init__(self):
        self.visitors, self.collector, self.number = {}, AddedCollector(), 0

    def click(self, visitor, at_s, event="view_item", **fields):
        self.number += 1
        click = Click(
            event_id=f"e{self.number}", visitor_id=visitor, ts=T + at_s * 1000, event=event, **fields
        )
        known, facts = step(self.visitors.get(visitor), click, click.ts, CONFIG)
        self.visitors[visitor] = known
        self.collector.click(click, facts, known)
        self._count(facts.transitions)

    def end(self):
        for known in self.visitors.values():
            self._count(advance(known, T + 10 * HOUR_MS, CONFIG)[1])

    def _count(self, transitions):
        for one in transitions:
            self.collector.transition(one)

    def take(self):
        collector, self.collector = self.collector, AddedCollector()
        return collector.added()


def folded(each, store=None, oldest=0):
    """The window of all records after a fold of `each`."""
    store = {} if store is None else store
    for key, record in list(fold(each, lambda keys: list(map(store.get, keys)), 0, T, oldest)):
        store[key] = encode_analytics(record)
        store[key, "record"] = record
    return window_of([one for key, one in store.items() if isinstance(key, tuple)], T, T + PANE_MS)


def shopping():
    shop = Shop()
    shop.click("ann", 0, "search", result_count=0, device="mobile", country="SE")
    shop.click("ann", 5, item_id="i1", category="shoes")
    shop.click("bob", 6, item_id="i1", device="desktop")
    shop.click("ann", 9, "add_to_cart", item_id="i1", price=2.5)
    shop.click("bob", 10, "add_to_cart", item_id="i2", price=1.0)
    shop.click("bob", 20, "purchase", item_id="i2", value=1.0)
    return shop


def test_flows_say_what_happened_by_segment():
    shop = shopping()
    shop.end()
    window = folded([shop.take()])
    everything, mobile = window.flows["all"], window.flows["device=mobile"]
    assert everything.events == {"search": 1, "view_item": 2, "add_to_cart": 2, "purchase": 1}
    assert everything.steps["view_item>add_to_cart"] == 2
    assert everything.searches == {"reported": 1, "empty": 1}
    assert everything.sessions == {
        "started": 2,
        "ended": 2,
        "bought": 1,
        "carted": 2,
        "abandoned": 1,
        "abandoned_milli": 2500,
    }
    assert mobile.reached == {"search": 1, "view_item": 1, "add_to_cart": 1}
    assert set(window.flows) >= {"country=SE", "country=(not set)", "visitor=new", "device=desktop"}


def test_paths_have_their_conversion_and_trends_their_interest():
    shop = shopping()
    shop.end()
    window = folded([shop.take()])
    assert window.paths["all"].counts == {
        "search>view_item>add_to_cart": (1, 0),
        "view_item>add_to_cart": (1, 1),
    }
    assert window.trends["items"].counts == {"i1": (5, 0), "i2": (8, 1)}
    assert window.trends["categories"].counts == {"shoes": (1, 0)}


def test_folds_of_parts_come_to_the_fold_of_all():
    shop, parts = shopping(), []
    parts.append(shop.take())
    shop.end()
    parts.append(shop.take())
    store, all_at_once = {}, folded(parts)
    for one in parts:
        window = folded([one], store)
    assert window == all_at_once == folded(parts[::-1])


def test_what_is_added_survives_the_state():
    added = shopping().take()
    assert decode_added(encode_added(7, added)) == (7, added)


def test_a_session_that_goes_on_is_taken_back():
    shop = Shop()
    shop.click("ann", 0, "add_to_cart", item_id="i1", price=1.0, channel="organic")
    shop.end()
    shop.click("ann", 60, "purchase", item_id="i1", value=1.0)
    window = folded([shop.take()])
    assert window.flows["all"].sessions == {"started": 1}
    assert window.paths["channel=organic"].counts == {}
    shop.end()
    window = folded([shop.take()])
    assert window.flows["channel=organic"].sessions["bought"] == 1
    assert window.paths["channel=organic"].counts == {"add_to_cart": (1, 1)}


def test_values_beyond_the_bound_are_summed_as_other():
    shop = Shop()
    for number in range(2 * MOST_VALUES["device"]):
        shop.click(f"v{number}", number, device=f"d{number:02}")
    store = {}
    window = folded([shop.take()], store)
    devices = [name for name in window.flows if name.startswith("device=")]
    assert len(devices) == MOST_VALUES["device"] + 1
    assert window.flows["device=(other)"].events == {"view_item": MOST_VALUES["device"]}
    shop.end()
    window = folded([shop.take()], store)
    named = sum(flow.sessions["ended"] for name, flow in window.flows.items() if name.startswith("device="))
    assert named == window.flows["all"].sessions["ended"] == 2 * MOST_VALUES["device"]


def test_sketches_keep_as_many_keys_as_they_may():
    paths = (bytes((1 + n % 10, 2 + n // 10 % 9, 1 + n // 90)) for n in range(2 * MOST_PATHS))
    visits = [((PANE, "", False, path, *[False] * 4), 1, 0) for path in paths]
    items = [(PANE, f"i{number}", 1, 0) for number in range(2 * MOST_TRENDS["items"])]
    window = folded([Added([], visits, items, [])])
    assert len(window.paths["all"].counts) <= MOST_PATHS
    assert (window.paths["all"].total, window.trends["items"].total) == (512, 512)
    assert window.paths["all"].error >= 1


def test_expired_panes_are_left_out():
    shop = shopping()
    assert folded([shop.take()], oldest=PANE + 1).flows == {}


@pytest.mark.parametrize(
    ("events", "cut", "path"),
    [
        (["view_item", "view_item", "add_to_cart", "view_item"], False, "view_item>add_to_cart>view_item"),
        (["view_item", "purchase", "view_item"], False, "view_item"),
        (["purchase"], False, ""),
        (["login"], True, "…>login"),
        (["login", "search"] * 5, False, "…>" + ">".join(["login", "search"] * 4)),
    ],
)
def test_paths_are_steps_before_the_first_purchase(events, cut, path):
    assert words.path_of(b"".join(CODES[one] for one in events), cut) == path


def test_a_dimension_that_only_later_clicks_name_is_that_of_the_session():
    shop = Shop()
    shop.click("ann", 0)
    shop.click("ann", 1, device="tv", channel="a\x1fb")
    shop.click("ann", 2, country="SE")
    shop.end()
    window = folded([shop.take()])
    assert window.flows["device=(not set)"].events == {"view_item": 1}
    assert window.flows["device=tv"].sessions == {"ended": 1}
    assert window.paths["channel=a b"].counts == {"view_item": (1, 0)}


def test_a_visitor_who_refuses_counts_without_segment_and_path():
    shop = Shop()
    shop.click("ann", 0, device="tv", consent=False)
    shop.end()
    window = folded([shop.take()])
    assert window.flows["device=(not set)"].sessions == {"started": 1, "ended": 1}
    assert "device=tv" not in window.flows
    assert window.paths == {}
