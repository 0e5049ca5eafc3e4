"""Each rule of docs/state.md about one click, by example."""

import pytest
import xxhash

from models.contract.events import CLIPPED, EVENT_CODES, Click
from models.durations import DAY_MS, MINUTE_MS
from models.sessions.lifecycle import SessionConfig, advance
from models.sessions.session import step
from models.state import codes
from models.state.codes import CODE, category_hash, item_hash
from models.state.facts import Churned, ClickStatus, Ended, Expired, Reopened, Visit
from models.state.visitor import StateError, Visitor, decode, encode

T = 1_700_000_040_000
CONFIG = SessionConfig()


class Walk:
    """One visitor's clicks; the watermark stays far behind unless it is given."""

    def __init__(self, config=CONFIG):
        self.config, self.visitor, self.number = config, None, 0

    def click(self, at_s, event="view_item", watermark=0, **fields):
        self.number += 1
        fields = {"event_id": f"e{self.number}", "visitor_id": "ann", **fields}
        click = Click(ts=T + int(at_s * 1000), event=event, **fields)
        self.visitor, facts = step(self.visitor, click, watermark, self.config)
        return facts


def count(visitor, event):
    return visitor.counts[EVENT_CODES[event]]


def test_a_first_click_is_born_and_fresh():
    walk = Walk()
    facts = walk.click(0, item_id="shoe", category="Shoes", price=12.5)
    assert (facts.status, facts.born, facts.fresh, facts.position, facts.consent) == (
        ClickStatus.APPLIED,
        True,
        True,
        1,
        True,
    )
    visitor = walk.visitor
    assert (visitor.first_ts, visitor.start_ts, visitor.last_ts, visitor.sessions) == (T, T, T, 1)
    assert (visitor.distinct_items, count(visitor, "view_item"), visitor.codes) == (1, 1, facts.code)


def test_a_click_without_an_item_is_about_its_page():
    walk = Walk()
    page, both, none = (walk.click(0, page="/a"), walk.click(1, page="/a", item_id="shoe"), walk.click(2))
    found = codes.unpack(page.code + both.code + none.code)
    assert found["item"].tolist() == [xxhash.xxh3_64_intdigest(b"/a"), item_hash("shoe"), 0]
    assert (found["flags"] & codes.PAGE).tolist() == [codes.PAGE, 0, 0]
    assert codes.items(found).tolist() == [0, item_hash("shoe"), 0]
    assert (walk.visitor.distinct_items, walk.visitor.distinct_pages) == (1, 1)


def test_a_code_says_what_happened():
    walk = Walk()
    walk.click(0)
    facts = walk.click(1, "add_to_cart", item_id="shoe", category="Shoes", price=10.0)
    [code] = [dict(zip(CODE.names, row, strict=True)) for row in codes.unpack(facts.code).tolist()]
    assert code == {
        "item": item_hash("shoe"),
        "category": category_hash("Shoes"),
        "event": EVENT_CODES["add_to_cart"],
        "dwell": 4,
        "price": 12,
        "flags": 0,
    }
    assert (facts.event, facts.previous, facts.dwell_ms) == (
        EVENT_CODES["add_to_cart"],
        EVENT_CODES["view_item"],
        1000,
    )


def test_a_repeated_event_id_changes_nothing():
    walk = Walk()
    walk.click(0, event_id="same")
    before = encode(walk.visitor)
    assert walk.click(5, event_id="same").status is ClickStatus.DUPLICATE
    assert encode(walk.visitor) == before


def test_the_last_32_event_ids_are_remembered():
    walk = Walk()
    for second in range(33):
        walk.click(second, event_id=f"id-{second}")
    assert walk.click(40, event_id="id-1").status is ClickStatus.DUPLICATE
    assert walk.click(40, event_id="id-0").status is ClickStatus.APPLIED


def test_a_late_click_changes_nothing_and_may_come_again():
    walk = Walk()
    walk.click(600)
    before = encode(walk.visitor)
    facts = walk.click(299, event_id="late")
    assert (facts.status, facts.late_ms) == (ClickStatus.LATE, 301_000)
    assert encode(walk.visitor) == before
    assert walk.click(600, event_id="late").status is ClickStatus.APPLIED


def test_a_reordered_click_is_applied_without_moving_time_back():
    walk = Walk()
    walk.click(600)
    facts = walk.click(300)
    assert facts.status is ClickStatus.APPLIED
    assert (facts.dwell_ms, facts.flags & codes.REORDERED) == (0, codes.REORDERED)
    assert (walk.visitor.last_ts, walk.visitor.dwell_ms, walk.visitor.in_session) == (T + 600_000, 0, 2)


@pytest.mark.parametrize(("gap_s", "fresh"), [(1800, False), (1800.001, True)])
def test_a_session_ends_after_the_gap(gap_s, fresh):
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=2.0)
    facts = walk.click(gap_s)
    assert facts.fresh == fresh
    visit = Visit("", bytes([EVENT_CODES["add_to_cart"]]), carts=1, cart_milli=2000)
    assert facts.transitions == ([Ended(T, 1, 1, 0, 0, 0, visit)] if fresh else [])


def test_a_new_session_moves_the_old_one_into_totals():
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=2.0, quantity=3, page="/a")
    walk.click(10, "purchase", item_id="hat", value=50.0)
    walk.visitor.remember(b"hh", 9)
    walk.click(4000)
    visitor = walk.visitor
    assert (visitor.sessions, visitor.bought_sessions, visitor.previous_end) == (2, 1, T + 10_000)
    assert (visitor.left_items, visitor.left_value) == (1, 6000)
    assert (visitor.totals[EVENT_CODES["add_to_cart"]], visitor.totals[EVENT_CODES["purchase"]]) == (1, 1)
    assert (visitor.cart, visitor.cart_value, visitor.pages, visitor.hidden, visitor.hidden_model) == (
        b"",
        0,
        b"",
        b"",
        0,
    )
    assert (visitor.spend, visitor.total_spend, visitor.in_session, visitor.distinct_items) == (
        0,
        50_000,
        1,
        0,
    )
    assert sum(visitor.counts) == 1
    assert len(visitor.codes) == 3 * CODE.itemsize
    assert visitor.session_codes() == visitor.codes[-16:]


def test_a_session_has_at_most_so_many_clicks_and_hours():
    walk = Walk(SessionConfig(max_session_clicks=3))
    assert [walk.click(n).fresh for n in range(7)] == [True, False, False, True, False, False, True]
    walk = Walk(SessionConfig(max_session_ms=40 * MINUTE_MS))
    assert [walk.click(n * 1200).fresh for n in range(4)] == [True, False, False, True]


def test_more_clicks_a_minute_than_a_person_makes_are_flagged():
    walk = Walk(SessionConfig(max_clicks_per_minute=2))
    flags = [walk.click(second).flags & codes.RATE for second in (0, 1, 2, 3, 60, 61, 62)]
    assert flags == [0, 0, codes.RATE, codes.RATE, 0, 0, codes.RATE]


def test_flags_tell_of_the_item():
    walk = Walk()
    first = walk.click(0, "add_to_cart", item_id="shoe")
    again = walk.click(1, item_id="shoe")
    clipped = walk.click(2, item_id="hat", flags=CLIPPED["price"])
    assert first.flags == codes.FRESH
    assert again.flags == codes.SEEN | codes.IN_CART
    assert clipped.flags == codes.CLIPPED


def test_the_cart_follows_adding_removing_and_buying():
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=10.0, quantity=2)
    walk.click(1, "add_to_cart", item_id="hat", price=5.0)
    walk.click(2, "add_to_cart", item_id="shoe", price=11.0)
    assert (walk.visitor.cart_items, walk.visitor.cart_value) == (2, 3 * 11_000 + 5_000)
    walk.click(3, "remove_from_cart", item_id="shoe", quantity=1)
    assert walk.visitor.cart_value == 2 * 11_000 + 5_000
    walk.click(4, "remove_from_cart", item_id="hat")
    assert (walk.visitor.cart_items, walk.visitor.cart_value) == (1, 22_000)
    walk.click(5, "add_to_cart", item_id="hat", basket=("sock", "tie"))
    assert walk.visitor.cart_items == 4
    walk.click(6, "purchase", item_id="shoe", basket=("tie",))
    assert (walk.visitor.cart_items, walk.visitor.cart_value) == (2, 0)
    walk.click(7, "purchase", value=3.0)
    assert walk.visitor.cart == b""
    assert (walk.visitor.cart_ts, walk.visitor.purchase_ts) == (T + 5000, T + 7000)


def test_an_order_of_several_rows_counts_once():
    walk = Walk()
    walk.click(0, "purchase", item_id="a", price=2.0, quantity=3, transaction_id="t1")
    walk.click(1, "purchase", item_id="b", price=1.0, transaction_id="t1")
    assert (walk.visitor.orders, walk.visitor.spend) == (1, 7_000)
    walk.click(2, "purchase", item_id="a", value=9.99, transaction_id="t2")
    walk.click(3, "purchase", item_id="b", value=9.99, transaction_id="t2")
    assert (walk.visitor.orders, walk.visitor.spend) == (2, 7_000 + 9_990)
    walk.click(4, "purchase", value=1.0)
    walk.click(5, "purchase", value=1.0)
    assert (walk.visitor.orders, walk.visitor.total_spend) == (4, 18_990)


def test_without_consent_only_counts_are_kept():
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", category="Shoes", price=10.0, page="/a")
    walk.click(1, "purchase", item_id="shoe", value=10.0, transaction_id="t")
    facts = walk.click(2, item_id="shoe", category="Shoes", price=1.0, page="/b", consent=False)
    assert (facts.consent, facts.fresh, len(facts.code)) == (False, True, 16)
    walk.click(3, "add_to_cart", item_id="hat", price=3.0)
    walk.visitor.remember(b"hh", 9)
    visitor = walk.visitor
    assert [visitor.codes, visitor.cart, visitor.seen, visitor.pages, visitor.hidden] == [b""] * 5
    assert [visitor.total_spend, visitor.orders, visitor.last_order, visitor.purchase_ts] == [0] * 4
    assert [visitor.categories, visitor.price_sum, visitor.left_items, visitor.left_value] == [{}, 0, 0, 0]
    assert (visitor.in_session, visitor.sessions, count(visitor, "add_to_cart")) == (2, 2, 1)
    assert walk.click(3, event_id="e4").status is ClickStatus.DUPLICATE
    allowed = walk.click(4, item_id="shoe", consent=True)
    assert (allowed.consent, allowed.fresh, walk.visitor.codes) == (True, True, allowed.code)


def test_the_watermark_ends_marks_and_forgets():
    walk = Walk()
    walk.click(0, "begin_checkout")
    end = T + 30 * MINUTE_MS
    assert advance(walk.visitor, end - 1, CONFIG)[1] == []
    visitor, transitions = advance(walk.visitor, end, CONFIG)
    visit = Visit("", bytes([EVENT_CODES["begin_checkout"]]), checkouts=1)
    assert (transitions, visitor.ended) == ([Ended(T, 1, 0, 1, 0, 0, visit)], True)
    assert advance(visitor, T + 30 * DAY_MS - 1, CONFIG)[1] == []
    visitor, transitions = advance(visitor, T + 30 * DAY_MS, CONFIG)
    assert (transitions, visitor.churned) == ([Churned(T)], True)
    assert advance(visitor, T + 180 * DAY_MS, CONFIG) == (None, [Expired(T)])
    assert advance(None, T, CONFIG) == (None, [])


def test_time_acts_in_whole_minutes():
    walk = Walk()
    walk.click(1)
    assert advance(walk.visitor, T + 30 * MINUTE_MS + 59_999, CONFIG)[1] == []
    assert len(advance(walk.visitor, T + 31 * MINUTE_MS, CONFIG)[1]) == 1


def test_a_session_ended_by_others_clocks_goes_on():
    walk = Walk()
    walk.click(0, "purchase", value=1.0)
    walk.visitor, [ended] = advance(walk.visitor, T + 40 * MINUTE_MS, CONFIG)
    facts = walk.click(60, watermark=T + 40 * MINUTE_MS, device="mobile")
    assert (facts.fresh, facts.position, facts.transitions) == (False, 2, [Reopened(T, 1, ended.visit)])
    assert not walk.visitor.ended


def test_a_session_ends_once():
    walk = Walk()
    walk.click(0)
    facts = walk.click(7200, watermark=T + 60 * MINUTE_MS)
    assert facts.transitions[0][:6] == Ended(T, 1, 0, 0, 0, 0)[:6]
    assert facts.fresh


def test_who_returns_after_expiry_is_new():
    walk = Walk()
    walk.click(0, "purchase", value=1.0)
    facts = walk.click(200 * 86_400, watermark=T + 190 * DAY_MS)
    assert (facts.born, facts.fresh, walk.visitor.sessions, walk.visitor.total_spend) == (True, True, 1, 0)
    assert [type(one) for one in facts.transitions] == [Ended, Churned, Expired]


def test_who_returns_from_churn_is_no_longer_churned():
    walk = Walk()
    walk.click(0)
    facts = walk.click(40 * 86_400, watermark=T + 40 * DAY_MS)
    assert [type(one) for one in facts.transitions] == [Ended, Churned]
    assert not walk.visitor.churned
    assert not facts.born


def test_the_hidden_state_says_how_far_it_has_read():
    walk = Walk()
    walk.click(0)
    walk.click(1)
    walk.visitor.remember(b"hh", 1 << 63)
    assert (walk.visitor.hidden, walk.visitor.hidden_model, walk.visitor.hidden_at) == (b"hh", 1 << 63, 2)
    with pytest.raises(StateError, match=r"4000 bytes, at most 2048"):
        walk.visitor.remember(bytes(4000), 1)


def test_records_of_another_format_are_refused():
    assert decode(encode(Visitor())) == Visitor()
    with pytest.raises(StateError, match="format 3, this program reads 1 and 2"):
        decode(encode(Visitor(version=3)))
    with pytest.raises(StateError, match="damaged visitor record"):
        decode(encode(Visitor())[:-3])
    with pytest.raises(StateError, match="damaged visitor record"):
        decode(b"")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"gap_ms": 0}, "expected 0 < gap <= churn <= ttl"),
        ({"ttl_ms": DAY_MS}, "expected 0 < gap <= churn <= ttl"),
        ({"max_session_clicks": 70_000}, "expected 1 to 65535"),
        ({"lateness_ms": -1}, "lateness_ms -1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(setting, message):
    with pytest.raises(StateError, match=message):
        SessionConfig(**setting)
