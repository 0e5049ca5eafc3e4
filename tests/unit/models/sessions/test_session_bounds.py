"""A visitor's record stays small whatever comes in, and comes back from bytes as it was."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.events import BASKET_ITEMS, EVENT_CODES, EVENTS, TS_MAX, Click
from models.decisions.actions_file import action_hash
from models.durations import MINUTE_MS
from models.feedback import recommended
from models.feedback import visitor_outcomes as outcomes
from models.feedback.recommended import Followed
from models.feedback.visitor_outcomes import KINDS, Happened
from models.sessions.lifecycle import SessionConfig
from models.sessions.recording import MAX_RATINGS
from models.sessions.session import step
from models.state import frequency_caps, pending
from models.state.exposure import MAX_OPEN, MAX_PARKED
from models.state.frequency_caps import MAX_SERVING_COUNTS, ServingCount
from models.state.pending import Pending
from models.state.visitor import HIDDEN_BYTES, MAX_AMOUNT, MAX_COUNT, Visitor, decode, encode

CONFIG = SessionConfig()
BOUND = 31_500


def hostile(random, number, ts):
    """Ever new ids and items, the longest strings, the greatest amounts."""
    return Click(
        event_id=f"{number}-{random.getrandbits(64)}" + "e" * 200,
        visitor_id="v" * 256,
        ts=ts,
        event=random.choice(EVENTS),
        item_id=f"{random.getrandbits(64)}" + "é" * 100,
        category=f"c{random.getrandbits(32)}",
        price=1e12,
        quantity=10**9,
        value=random.choice((None, 1e15)),
        basket=tuple(f"b{random.getrandbits(40)}" for _ in range(BASKET_ITEMS)),
        page="p" * 1000 + str(number),
        transaction_id=f"t{number}",
    )


def fill_exposure(visitor):
    top = (1 << 64) - 1
    serving = ServingCount(MAX_COUNT, 50_000, MAX_COUNT, TS_MAX, MAX_COUNT, MAX_COUNT)
    visitor.exposure.servings = frequency_caps.pack(
        (action_hash(f"action {number}"), serving) for number in range(MAX_SERVING_COUNTS)
    )
    visitor.exposure.open = pending.pack([Pending(top, 0xFFFF_FFFF, TS_MAX, 15)] * MAX_OPEN)
    visitor.exposure.parked = pending.pack([Pending(top, 0, TS_MAX, 15)] * MAX_PARKED)
    for subject in range(MAX_OPEN + MAX_PARKED):
        for kind in range(len(KINDS)):
            happened = Happened(subject, kind, 0, TS_MAX, 1e12)
            visitor.exposure.outcomes = outcomes.added(visitor.exposure.outcomes, happened)
    visitor.recommended.lists = bytes(recommended.LISTS_BYTES)
    followed = Followed("é" * 512, TS_MAX, 0, "m" * 40, bytes(40))
    visitor.recommended.followed = [followed] * recommended.MAX_FOLLOWED
    visitor.recommended.outcomes = bytes(recommended.OUTCOMES_BYTES)


def test_a_bots_record_is_bounded():
    random, visitor, ts = Random(5), None, 1_700_000_000_000
    for number in range(30_000):
        ts += random.choice((0, 1, 1, 1, 500, 40 * MINUTE_MS if number % 1_000 == 0 else 2))
        visitor, _ = step(visitor, hostile(random, number, ts), ts, CONFIG)
    fill_exposure(visitor)
    visitor.remember(bytes(HIDDEN_BYTES), (1 << 64) - 1)
    visitor.order_left, visitor.last_refund = MAX_AMOUNT, (1 << 64) - 1
    visitor.rating_sum, visitor.rating_count = 10_000_000, MAX_RATINGS
    for name in ("counts", "totals"):
        setattr(visitor, name, [MAX_COUNT] * len(EVENTS) + [MAX_COUNT])
    size = len(encode(visitor))
    print(f"largest record: {size} bytes")
    assert 5_000 < size < BOUND
    assert decode(encode(visitor)) == visitor
    assert (visitor.cart_items, visitor.distinct_items, visitor.distinct_pages) == (50, 64, 32)


def test_counts_and_amounts_saturate():
    visitor, _ = step(
        None, Click(event_id="0", visitor_id="v", ts=1_700_000_000_000, event="login"), 0, CONFIG
    )
    visitor.counts[EVENT_CODES["purchase"]] = visitor.orders = visitor.sessions = MAX_COUNT
    visitor.totals[EVENT_CODES["purchase"]] = visitor.bought_sessions = MAX_COUNT
    visitor.spend = visitor.total_spend = MAX_AMOUNT
    for number, ts in enumerate((1_700_000_001_000, 1_700_009_000_000), start=1):
        click = Click(event_id=f"{number}", visitor_id="v", ts=ts, event="purchase", value=1e9)
        visitor, _ = step(visitor, click, 0, CONFIG)
    assert visitor.totals[EVENT_CODES["purchase"]] == visitor.orders == visitor.sessions == MAX_COUNT
    assert visitor.bought_sessions == MAX_COUNT
    assert visitor.total_spend == MAX_AMOUNT
    assert visitor.counts[EVENT_CODES["purchase"]] == 1


AMOUNTS = st.one_of(st.none(), st.floats(0, 1e15))
CLICKS = st.builds(
    Click,
    event_id=st.text(min_size=1, max_size=9),
    visitor_id=st.just("v"),
    ts=st.integers(1_700_000_000_000, 1_700_000_000_000 + 9_000_000),
    event=st.sampled_from(EVENTS),
    item_id=st.none() | st.text(min_size=1, max_size=3),
    category=st.none() | st.text(min_size=1, max_size=3),
    price=AMOUNTS,
    value=AMOUNTS,
    quantity=st.none() | st.integers(0, 1 << 70),
    page=st.none() | st.text(min_size=1, max_size=3),
    basket=st.none() | st.lists(st.text(min_size=1, max_size=3), max_size=4).map(tuple),
    consent=st.sampled_from((None, None, True, False)),
    transaction_id=st.none() | st.text(min_size=1, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(CLICKS, max_size=20))
def test_a_record_comes_back_as_it_was_after_every_click(clicks):
    kept, read = None, None
    for click in clicks:
        kept, facts = step(kept, click, click.ts, CONFIG)
        read, again = step(read, click, click.ts, CONFIG)
        assert facts == again
        read = decode(encode(read))
        assert read == kept


@settings(max_examples=200, deadline=None)
@given(st.lists(CLICKS, max_size=20))
def test_the_carts_value_is_the_sum_of_its_lines(clicks):
    visitor: Visitor | None = None
    for click in clicks:
        visitor, _ = step(visitor, click, click.ts, CONFIG)
        lines = [visitor.cart[at : at + 16] for at in range(0, len(visitor.cart), 16)]
        pieces = [int.from_bytes(line[8:10], "little") for line in lines]
        prices = [
            int.from_bytes(line[10:12], "little") << 32 | int.from_bytes(line[12:], "little")
            for line in lines
        ]
        assert visitor.cart_value == sum(map(int.__mul__, pieces, prices))
        assert 0 not in pieces
        assert len({line[:8] for line in lines}) == len(lines)
