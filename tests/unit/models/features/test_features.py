"""Feature rows: declared once, finite whatever comes in."""

from dataclasses import replace

import numpy as np
import pytest

from models.contract.events import CLIPPED, DROPPED, EVENT_CODES, Click
from models.features import features
from models.features.buckets import REMEMBERED, Buckets
from models.features.fusing import SHARED
from models.identity import linking
from models.network.coherence import has_purchase, order_under_way
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import CODE, category_hash
from models.state.facts import ClickStatus, Facts
from models.state.summary import Summary
from models.state.traits import Traits
from models.state.visitor import MAX_AMOUNT, MAX_COUNT, Visitor


def click(number: int, event: str, **fields: object) -> Click:
    return Click(
        event_id=f"e{number}", visitor_id="v", ts=1_600_000_000_000 + number * 60_000, event=event, **fields
    )


def rows(*clicks: Click) -> np.ndarray:
    visitor, packed = None, []
    for one in clicks:
        visitor, facts = step(visitor, one, one.ts, SessionConfig())
        packed.append(features.row(visitor, one, facts))
    return features.matrix(b"".join(packed))


def column(matrix: np.ndarray, name: str) -> list[float]:
    return matrix[:, features.NAMES.index(name)].tolist()


def test_every_column_has_one_name() -> None:
    matrix = rows(click(0, "view_item", item_id="a"))
    assert matrix.shape == (1, len(features.NAMES))
    assert matrix.dtype == np.float32
    assert len(set(features.NAMES)) == len(features.NAMES)


def test_values_of_a_short_session() -> None:
    matrix = rows(
        click(0, "view_item", item_id="a", price=9.0),
        click(1, "add_to_cart", item_id="a", price=9.0),
        click(3, "page_view", page="/cart"),
    )
    assert column(matrix, "clicks") == pytest.approx(np.log1p([1, 2, 3]))
    assert column(matrix, "session_seconds") == pytest.approx(np.log1p([0, 60, 180]))
    assert column(matrix, "dwell_seconds") == pytest.approx(np.log1p([0, 60, 120]))
    assert column(matrix, "session_add_to_cart") == pytest.approx(np.log1p([0, 1, 1]))
    assert column(matrix, "since_cart") == pytest.approx([0, 1, 1 / (1 + np.log1p(120))])
    assert column(matrix, "since_purchase") == [0, 0, 0]
    assert column(matrix, "since_purchase_never") == [1, 1, 1]
    assert column(matrix, "since_cart_never") == [1, 0, 0]
    assert column(matrix, "price") == pytest.approx(np.log1p([9, 9, 0]))
    assert column(matrix, "price_missing") == [0, 0, 1]
    assert column(matrix, "seen_item") == [0, 1, 0]
    assert column(matrix, "has_item") == [1, 1, 0]
    assert column(matrix, f"previous_event={EVENT_CODES['add_to_cart']}") == [0, 0, 1]


def test_a_click_out_of_order_has_the_visitors_latest_time() -> None:
    """An order of a second ago is not one of never, or the visitor would seem to hesitate after it."""
    clicks = [
        click(0, "begin_checkout"),
        click(1, "purchase", value=9.0),
        click(1, "page_view", page="/thanks"),
    ]
    clicks[2].event_id, clicks[2].ts = "late", clicks[2].ts - 1000
    matrix = rows(click(-100, "view_item"), *clicks)
    for name in ("since_purchase", "since_checkout", "since_visit", "session_seconds", "hour_sin"):
        assert column(matrix, name)[3] == column(matrix, name)[2], name
    assert column(matrix, "since_purchase")[2:] == [1, 1]
    assert column(matrix, "since_purchase_never") == [1, 1, 0, 0]
    assert column(matrix, "since_visit_never") == [1, 0, 0, 0]
    assert order_under_way(matrix).tolist() == [False, True, False, False]
    assert has_purchase(matrix).tolist() == [False, False, True, True]


def test_stages_follow_the_furthest_step() -> None:
    events = ("view_item", "add_to_cart", "page_view", "begin_checkout", "purchase", "view_item")
    matrix = rows(*(click(number, event, item_id="a") for number, event in enumerate(events)))
    assert features.stages(matrix).tolist() == [0, 1, 1, 2, 3, 3]


def test_extremes_stay_finite() -> None:
    visitor = Visitor(
        start_ts=-MAX_AMOUNT, counts=[MAX_COUNT] * 17, totals=[-1] * 17, spend=MAX_AMOUNT, cart_ts=1 << 62
    )
    one = click(0, "view_item", price=1.7e308, page="x" * 1024, device="\U0001f600", channel="İ")
    code = np.array([(1, 2**32 - 1, 250, 255, 255, 255)], dtype=CODE).tobytes()
    facts = Facts(ClickStatus.APPLIED, [], code, position=1, event=250, previous=250, dwell_ms=MAX_AMOUNT)
    one.price = float("inf")
    matrix = features.matrix(features.row(visitor, one, facts) * 3)
    assert np.isfinite(matrix).all()
    assert np.abs(np.delete(matrix, features.POSITION, 1)).max() <= 50
    assert 0 < matrix[0, features.POSITION] < features.PRICE_ROWS


def test_a_click_of_an_unknown_event_is_of_no_known_event() -> None:
    code = np.array([(1, 0, len(EVENT_CODES) + 1, 0, 0, 0)], dtype=CODE).tobytes()
    facts = Facts(ClickStatus.APPLIED, [], code, position=1, previous=len(EVENT_CODES) + 1)
    matrix = features.matrix(features.row(Visitor(), click(0, "login"), facts))
    for name, number in EVENT_CODES.items():
        assert column(matrix, f"event={number}") == column(matrix, f"previous_event={number}") == [0], name
    assert column(matrix, "event=0") == column(matrix, "previous_event=0") == [1]


def test_each_event_of_the_contract_has_its_own_column() -> None:
    for name in ("event", "previous_event"):
        columns = [one for one in features.NAMES if one.startswith(f"{name}=")]
        assert columns == [f"{name}={number}" for number in range(1 + len(EVENT_CODES))]


def test_no_clicks_make_an_empty_matrix() -> None:
    assert features.matrix(b"").shape == (0, len(features.NAMES))


def test_the_version_is_that_of_the_definitions() -> None:
    """Shown here so that a change of features is seen in review: versions made before it are refused."""
    assert features.FEATURES_VERSION == "31ee09b6fed0"


def test_the_version_changes_with_each_definition_and_each_shared_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clicks, *others = features.FEATURES
    versions = {
        features.digest(changed)
        for changed in (
            features.FEATURES,
            others,
            [replace(clicks, name="click"), *others],
            [replace(clicks, kind="plain"), *others],
            [replace(clicks, function=lambda at: at.facts.position + 1), *others],
            [replace(clicks, function=lambda at: at.facts.event), *others],
        )
    }
    monkeypatch.setitem(SHARED, "now", lambda at: at.visitor.first_ts)
    versions.add(features.digest(features.FEATURES))
    assert len(versions) == 7
    assert features.digest(features.FEATURES[:1]) == features.digest((clicks,)), "it is of definitions alone"


def test_buckets_do_not_depend_on_case() -> None:
    of = Buckets(8)
    assert of["Organic Search"] == of["organic search"] > 0
    assert of[None] == of[""] == 0
    few = Buckets(4)
    assert {few[f"c{n}"] for n in range(100)} == {1, 2, 3}
    first = few["c0"]
    assert len([few[f"text {n}"] for n in range(REMEMBERED)]) >= len(few)
    assert few["c0"] == first


def names_of(prefix: str) -> list[str]:
    return [name for name in features.NAMES if name.startswith(prefix)]


def test_words_of_a_query_share_buckets_with_the_same_words_elsewhere() -> None:
    matrix = rows(
        click(0, "search", query="Red running shoes"),
        click(1, "search", query="shoes"),
        click(2, "search", query="running SHOES"),
        click(3, "page_view"),
    )
    buckets = matrix[:, [features.NAMES.index(name) for name in names_of("query=")]] > 0
    assert not (buckets[1] & ~buckets[0]).any()
    assert not (buckets[2] & ~buckets[0]).any()
    assert buckets.sum(1).tolist()[1] == 1
    assert not buckets[3].any()
    assert features.query_bits("!?") == 0


def test_liking_follows_the_visitors_faded_profile() -> None:
    matrix = rows(
        click(0, "page_view"),
        click(1, "view_item", item_id="a", category="hats", price=10.0),
        click(2, "view_item", item_id="b", category="socks", price=10.0),
        click(3, "view_item", item_id="a", category="hats", price=40.0),
        click(30 * 24 * 60, "view_item", item_id="c", category="hats"),
    )
    assert column(matrix, "liked_categories") == [0, 1, 2, 2, 2]
    assert column(matrix, "liked_this") == pytest.approx([0, 1, 1 / 2, 2 / 3, 4 / 5], abs=0.01)
    assert column(matrix, "liking") == pytest.approx(np.log1p([0, 1, 2, 3, 2.5]), abs=0.02)
    assert column(matrix, "price_above_liked_missing") == [1, 0, 0, 0, 1]
    # Two buckets per doubling: 40 is four above 10, and a third of the profile is at 40 by now.
    assert column(matrix, "price_above_liked") == pytest.approx([0, 0, 0, 4 * 2 / 3, 0], abs=0.01)


def test_what_was_dropped_or_clipped_carries_a_flag() -> None:
    whole = click(0, "rate_item", item_id="a", price=3.0, rating=4.0)
    dropped = click(1, "rate_item", item_id="a", flags=DROPPED["price"])
    clipped = click(2, "rate_item", item_id="a", price=1e5, flags=CLIPPED["price"])
    stars = click(3, "rate_item", item_id="a", rating=10.0, flags=CLIPPED["rating"])
    matrix = rows(whole, dropped, clipped, stars)
    assert column(matrix, "dropped") == [0, 1, 0, 0]
    assert column(matrix, "cut") == [0, 0, 1, 1]
    assert column(matrix, "price_clipped") == [0, 0, 1, 0]
    assert column(matrix, "rating_clipped") == [0, 0, 0, 1]
    assert column(matrix, "amount_clipped") == [0, 0, 1, 0]
    assert column(matrix, "price_missing") == [0, 1, 0, 1]
    assert column(matrix, "rating") == [4, 0, 0, 10]
    assert column(matrix, "rating_missing") == [0, 1, 1, 0]


@pytest.mark.parametrize("field", ["age_band", "gender", "region"])
def test_what_is_said_of_the_person_is_kept_where_the_click_says_consent(field: str) -> None:
    told = {field: "x1"}
    agreed, silent, absent, refused = (
        rows(click(0, "view_item", **given), click(1, "view_item"), click(2, "view_item"))
        for given in ({**told, "consent": True}, told, {"consent": True}, {**told, "consent": False})
    )
    mine = [features.NAMES.index(name) for name in names_of(f"{field}=")]
    none = features.NAMES.index(f"{field}=0")
    # The same bucket as ever, now on later clicks that do not repeat it, too.
    assert (agreed[:, mine].argmax(1) == Buckets(len(mine))["X1"]).all()
    for other in (silent, absent, refused):
        assert (other[:, none] == 1).all()
    others = np.delete(np.arange(len(features.NAMES)), mine)
    assert (agreed[:, others] == absent[:, others]).all()


def test_who_is_linked_to_nobody_has_the_features_of_before() -> None:
    """A user's only device, too: nothing is added to it."""
    some = [
        click(number, event, item_id="a", category="hats", price=9.0, consent=True)
        for number, event in enumerate(("view_item", "add_to_cart", "purchase", "view_item"))
    ]
    alone = rows(*some)
    for one in some:
        one.user_id = "anna"
    assert (rows(*some) == alone).all()


def test_a_linked_visitor_s_features_count_the_other_devices() -> None:
    one = click(0, "view_item", item_id="a", category="hats", price=40.0)
    visitor, facts = step(None, one, one.ts, SessionConfig())
    hats, day = int.from_bytes(facts.code[8:12], "little"), visitor.profile_day
    totals = [0] * 17
    totals[EVENT_CODES["add_to_cart"]] = 3
    visitor.others = Summary(
        sessions=4,
        bought_sessions=1,
        orders=2,
        total_spend=50_000,
        purchase_ts=one.ts - 60_000,
        totals=totals,
        categories={hats: 256, 7: 512},
        price_weight=256,
        price_sum=256 * 10,
        profile_day=day,
        traits=Traits(age=5, age_ts=1, interests={hats: 500}, interests_ts=1),
    )
    matrix = features.matrix(features.row(visitor, one, facts))
    wanted = {"sessions": 5, "bought_sessions": 1, "orders": 2, "total_spend": 50, "earlier_add_to_cart": 3}
    assert {name: column(matrix, name) for name in wanted} == {
        name: pytest.approx([np.log1p(value)]) for name, value in wanted.items()
    }
    assert column(matrix, "since_purchase") == pytest.approx([1 / (1 + np.log1p(60))])
    assert column(matrix, "liked_this") == pytest.approx([1 / 2])
    assert column(matrix, "liking") == pytest.approx([np.log1p(4)])
    assert column(matrix, "liked_categories") == [2]
    assert column(matrix, "price_above_liked") == pytest.approx([(facts.code[14] - 10) / 2])
    assert column(matrix, "age_band=6") == [1]
    assert (column(matrix, "interest_this"), column(matrix, "interests")) == (
        [0.5],
        [np.float32(np.log1p(1))],
    )
    assert column(matrix, "session_view_item") == pytest.approx([np.log1p(1)]), "the session is the device's"


def test_declared_interests_count_for_the_items_of_their_category() -> None:
    visitor, hats, socks = (
        Visitor(),
        click(0, "view_item", category="hats"),
        click(1, "view_item", category="b"),
    )
    visitor, facts = step(visitor, hats, hats.ts, SessionConfig())
    linking.give(visitor, Traits(interests={category_hash("hats"): 700, 3: 1000}, interests_ts=hats.ts))
    first = features.matrix(features.row(visitor, hats, facts))
    visitor, facts = step(visitor, socks, socks.ts, SessionConfig())
    second = features.matrix(features.row(visitor, socks, facts))
    assert column(first, "interest_this") == pytest.approx([0.7])
    assert column(second, "interest_this") == [0]
    assert column(first, "interests") == column(second, "interests") == pytest.approx([np.log1p(2)])


def test_every_feature_says_what_it_reads() -> None:
    read = {feature.name: features.reads(feature) for feature in features.FEATURES}
    assert all(read.values())
    assert read["liked_this"] == {"facts.code", "visitor.categories", "visitor.others"}
    assert read["age_band"] == {"visitor.declared", "visitor.given", "visitor.others"}
    assert read["cart_value"] == {"visitor.cart_value"}
    known = {
        f"{root}.{name}"
        for root, kind in (("visitor", Visitor), ("click", Click), ("facts", Facts))
        for name in dir(kind)
    }
    used = set().union(*read.values())
    assert used <= known
    # Decisions must not steer the model that steers them, and a hidden state is another model's.
    assert not used & {"visitor.exposure", "visitor.hidden", "click.decision_id"}
