"""Sessions without one click, made from codes: what is exact is exact, what is not is near."""

from itertools import groupby

import numpy as np
import pytest

from models.contract.events import Click
from models.explanation.counterfactuals import Session, leave_one_out, replay
from models.features import features
from models.sessions.lifecycle import SessionConfig
from models.state.codes import CODE, FRESH, SEEN, item_hash, unpack
from models.state.visitor import CODES_BYTES
from tests.scoring import real_clicks

T0 = 1_700_000_000_000
#: What codes keep whole: everything but times, prices and how many pieces.
COUNTS = ("clicks", "distinct_items", "cart_items")


def click(number: int, event: str = "view_item", item: str | None = "a", **fields: object) -> Click:
    known = {"event_id": f"e{number}", "visitor_id": "v", "ts": T0 + number * 60_000, "event": event}
    return Click(**known, item_id=item, **fields)


def columns(session: Session, *starts: str) -> np.ndarray:
    places = [n for n, name in enumerate(features.NAMES) if name.startswith(starts)]
    assert places
    return features.matrix(session.row)[0, places]


SHOPPING = [
    click(0, "page_view", None, page="/home"),
    click(1, item="a", price=10.0, category="c"),
    click(2, item="b", price=20.0, category="c"),
    click(3, item="a", price=10.0, category="c"),
    click(4, "add_to_cart", "a", price=10.0, category="c"),
    click(5, item="a", price=10.0, category="c"),
]


@pytest.mark.parametrize("gone", range(6))
def test_counts_codes_and_flags_are_those_of_the_real_clicks(gone):
    exact = replay(None, SHOPPING[:gone] + SHOPPING[gone + 1 :], SessionConfig())
    made = leave_one_out(replay(None, SHOPPING, SessionConfig()))[gone]
    assert made.position == exact.position == 5
    for name in ("item", "category", "event", "price", "flags"):
        assert unpack(made.codes)[name].tolist() == unpack(exact.codes)[name].tolist(), name
    named = (*COUNTS, "session_view", "session_add", "session_page", "previous_event", "event")
    np.testing.assert_allclose(columns(made, *named), columns(exact, *named), atol=1e-6)
    near = [name for name in ("since_cart", "session_seconds", "mean_dwell") if name]
    np.testing.assert_allclose(columns(made, *near), columns(exact, *near), atol=0.6)


def test_a_first_click_left_out_makes_the_second_one_first():
    made = leave_one_out(replay(None, SHOPPING, SessionConfig()))[0]
    assert unpack(made.codes)["flags"][0] & FRESH
    assert unpack(made.codes)["dwell"][0] == 0
    assert made.codes[16:] == replay(None, SHOPPING, SessionConfig()).codes[32:]


def test_what_a_click_does_not_change_is_held_bit_for_bit():
    session = replay(None, [*SHOPPING[:5], click(5, item="z", price=3.0, device="tv")], SessionConfig())
    made = leave_one_out(session)[2]
    own = "device", "country", "hour", "price_missing", "price_clipped", "price_position", "event="
    whole, part = (columns(one, *own) for one in (session, made))
    assert whole.tobytes() == part.tobytes()


def test_of_a_long_session_the_last_fifty_clicks_are_left_out():
    clicks = [click(n, item=f"i{n % 30}") for n in range(80)]
    session = replay(None, clicks, SessionConfig())
    assert (session.position, session.known, len(session.codes)) == (80, 50, CODES_BYTES)
    made = leave_one_out(session)
    assert {(one.position, one.known) for one in made} == {(79, 49)}
    # Each item was seen before the window: leaving out one click of it changes nothing of that.
    for one in made:
        assert (unpack(one.codes)["flags"] & SEEN).all()
    np.testing.assert_allclose(columns(made[3], "distinct_items"), columns(session, "distinct_items"))


def test_a_single_click_has_no_variants():
    assert leave_one_out(replay(None, SHOPPING[:1], SessionConfig())) == []


def test_real_sessions_come_close_to_their_exact_replays():
    """Of the shipped log: codes but for dwells are equal, and columns differ by little."""
    ordered = sorted(real_clicks(6000), key=lambda c: (c.visitor_id, c.ts))
    of_visitors = [list(clicks) for _, clicks in groupby(ordered, lambda c: c.visitor_id)]
    apart, checked = [], 0
    for clicks in of_visitors:
        if not 4 <= len(clicks) <= 12 or np.diff([c.ts for c in clicks]).max() > 30 * 60_000:
            continue
        session = replay(None, clicks, ONE := SessionConfig(gap_ms=24 * 3_600_000))
        for gone, made in enumerate(leave_one_out(session)):
            exact = replay(None, clicks[:gone] + clicks[gone + 1 :], ONE)
            same = [name for name in CODE.names if name != "dwell"]
            assert all((unpack(made.codes)[n] == unpack(exact.codes)[n]).all() for n in same)
            apart.append(np.abs(features.matrix(made.row) - features.matrix(exact.row)).max())
            checked += 1
    print(f"{checked} variants, largest difference of a column: median {np.median(apart):.3f}")
    assert checked > 300
    assert np.median(apart) < 0.25


def test_hashes_of_stand_ins_do_not_meet():
    assert item_hash("a") != item_hash(f"{item_hash('a'):x}")
