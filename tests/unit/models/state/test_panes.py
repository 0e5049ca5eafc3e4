"""Panes: integer sums by hour of event time, the same whatever the order and the chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.events import EVENT_CODES, INTEREST, Click
from models.durations import HOUR_MS
from models.state import panes, state_keys
from models.state.codes import RATE, category_hash, identity, pack
from models.state.facts import Churned, ClickStatus, Ended, Facts, Reopened
from models.state.pane_counts import (
    Funnel,
    ItemCounts,
    add_funnels,
    decode_funnel,
    decode_item,
    encode_funnel,
    encode_item,
)
from models.state.panes import Collector, PaneConfig, expired
from models.state.visitor import StateError

CONFIG = PaneConfig()
HOUR = 470_000
T = HOUR * HOUR_MS


def add(collector, ts, event="view_item", previous=0, fresh=False, flags=0, **fields):
    click = Click(event_id="e", visitor_id="v", ts=ts, event=event, **fields)
    code = pack(*identity(click.item_id, click.category), 0, 0, 0, 0)
    facts = Facts(
        ClickStatus.APPLIED,
        [],
        code,
        fresh=fresh,
        event=EVENT_CODES[event],
        previous=previous,
        flags=flags,
        position=1,
    )
    collector.add([(click, facts)])


def merged(store, collector, watermark=T):
    store.update(collector.merge(lambda wanted: [store.get(key) for key in wanted], watermark))
    return store


def test_an_items_events_are_counted_in_their_hour():
    collector = Collector(CONFIG)
    for event in ("view_item", "view_item", "add_to_cart", "purchase", "select_item"):
        add(collector, T, event, item_id="shoe", category="Shoes")
    add(collector, T + HOUR_MS, item_id="shoe")
    add(collector, T, "purchase", item_id="hat", basket=("shoe",))
    store = merged({}, collector)
    assert decode_item(store[state_keys.item_pane(HOUR, "shoe")]) == ItemCounts(
        2, 1, 2, 1, category_hash("Shoes")
    )
    assert decode_item(store[state_keys.item_pane(HOUR + 1, "shoe")]) == ItemCounts(1, 0, 0, 0, 0)


@pytest.mark.parametrize("event", sorted(EVENT_CODES.keys() - INTEREST))
def test_what_is_shown_given_back_or_listed_moves_no_popularity(event):
    collector = Collector(CONFIG)
    add(collector, T, event, item_id="shoe", basket=("hat",), rating=1.0)
    assert list(merged({}, collector)) == [state_keys.funnel_pane(HOUR)]


def test_interest_is_a_look_a_wish_a_cart_or_a_purchase():
    assert {"select_item", "view_item", "add_to_wishlist", "add_to_cart", "purchase"} == INTEREST


def test_who_clicks_too_fast_moves_no_popularity():
    collector = Collector(CONFIG)
    add(collector, T, item_id="shoe", flags=RATE)
    store = merged({}, collector)
    assert list(store) == [state_keys.funnel_pane(HOUR)]
    assert decode_funnel(store[state_keys.funnel_pane(HOUR)]).clicks == 1


def test_the_funnel_counts_events_sessions_and_steps():
    collector, view, cart = Collector(CONFIG), EVENT_CODES["view_item"], EVENT_CODES["add_to_cart"]
    add(collector, T, fresh=True)
    add(collector, T, previous=view)
    add(collector, T, "add_to_cart", previous=view)
    for purchases in (0, 1):
        collector.transition(Ended(T, 3, 0, 0, purchases, 0))
    collector.transition(Ended(T, 3, 0, 0, 1, 0))
    collector.transition(Reopened(T, 1))
    collector.transition(Churned(T))
    funnel = decode_funnel(merged({}, collector)[state_keys.funnel_pane(HOUR)])
    assert (funnel.clicks, funnel.started, funnel.ended, funnel.bought) == (3, 1, 2, 1)
    assert (funnel.events[view], funnel.events[cart]) == (2, 1)
    assert funnel.edges == {view * 17 + view: 1, view * 17 + cart: 1}


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(("view_item", "add_to_cart", "purchase", "search")),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(EVENTS, st.lists(st.integers(0, 30)), st.randoms())
def test_sums_do_not_depend_on_chunks_or_order(events, ends, random):
    def total(events, ends):
        store, collector = {}, Collector(CONFIG)
        for number, (hour, event, item) in enumerate(events):
            if number in ends:
                merged(store, collector)
                collector = Collector(CONFIG)
            add(
                collector, T + hour * HOUR_MS, event, 1 + item, item_id=f"i{item}", category=f"c{item + hour}"
            )
        return merged(store, collector)

    shuffled = random.sample(events, len(events))
    assert total(events, []) == total(events, ends) == total(shuffled, ends)


FUNNELS = st.builds(
    Funnel,
    st.lists(st.integers(0, 9), min_size=17, max_size=17),
    st.integers(0, 9),
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.integers(0, 9),
    st.dictionaries(st.integers(0, 288), st.integers(1, 9)),
)


@given(FUNNELS, FUNNELS)
def test_funnels_add_up_to_the_same_bytes_in_either_order(a, b):
    total = encode_funnel(add_funnels(a, b))
    assert total == encode_funnel(add_funnels(b, a))
    assert decode_funnel(total).clicks == a.clicks + b.clicks


def test_counts_saturate():
    assert decode_item(encode_item(ItemCounts(1 << 40, 1, 2, 3, 4))) == ItemCounts(0xFFFF_FFFF, 1, 2, 3, 4)


def test_panes_expire_by_the_watermark_and_expired_ones_are_not_written():
    collector, end = Collector(CONFIG), T + 50 * HOUR_MS
    for hour in (0, 1, 2, 49):
        add(collector, T + hour * HOUR_MS, item_id="shoe")
    store = merged({}, collector, T)
    reads = []

    def scan(prefix):
        reads.append(prefix)
        return [(key, store[key]) for key in sorted(store) if key.startswith(prefix)]

    assert expired(scan, T + 48 * HOUR_MS, T + 48 * HOUR_MS + 5, CONFIG) == []
    assert reads == []
    gone = expired(scan, T, end, CONFIG)
    assert [state_keys.pane_parts(key) for key, _ in gone] == [
        (HOUR, b"shoe"),
        (HOUR + 1, b"shoe"),
        (HOUR, b""),
        (HOUR + 1, b""),
    ]
    assert sorted(merged({}, collector, end)) == sorted(set(store) - {key for key, _ in gone})


def test_weights_follow_what_merging_and_expiry_replace():
    store, total, before = {}, {}, T
    for hour, category in ((0, "a"), (0, "b"), (30, "a"), (60, "c"), (120, "a")):
        collector, watermark = Collector(CONFIG), T + hour * HOUR_MS
        add(collector, watermark, "add_to_cart", item_id="shoe", category=category)
        new = collector.merge(lambda wanted: [store.get(key) for key in wanted], watermark)
        gone = expired(
            lambda prefix: sorted(p for p in store.items() if p[0].startswith(prefix)),
            before,
            watermark,
            CONFIG,
        )
        replaced = [(key, value) for key, value, _ in collector.moved if value is not None]
        for moved, sign in ((replaced, -1), (gone, -1), (new, 1)):
            for item, hashed, weight in panes.weights(moved, sign):
                total[item, hashed] = total.get((item, hashed), 0) + weight
        store.update(new)
        for key, _ in gone:
            del store[key]
        before = watermark
        afresh = {}
        for item, hashed, weight in panes.weights(store.items()):
            afresh[item, hashed] = afresh.get((item, hashed), 0) + weight
        assert {key: weight for key, weight in total.items() if weight} == afresh


@pytest.mark.parametrize("setting", [{"width_ms": 0}, {"retention_ms": -1}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(StateError, match="expected a width above 0"):
        PaneConfig(**setting)
