"""Feature rows: declared once, finite whatever comes in."""

import numpy as np
import pytest

from models import features
from models.events import EVENT_CODES, Click
from models.facts import Facts, Fate
from models.lifecycle import SessionConfig
from models.session import step
from models.visitor import MAX_AMOUNT, MAX_COUNT, Visitor


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
    assert column(matrix, "seen_item") == [0, 1, 0]
    assert column(matrix, "has_item") == [1, 1, 0]
    assert column(matrix, f"previous_event={EVENT_CODES['add_to_cart']}") == [0, 0, 1]


def test_stages_follow_the_furthest_step() -> None:
    events = ("view_item", "add_to_cart", "page_view", "begin_checkout", "purchase", "view_item")
    matrix = rows(*(click(number, event, item_id="a") for number, event in enumerate(events)))
    assert features.stages(matrix).tolist() == [0, 1, 1, 2, 3, 3]


def test_extremes_stay_finite() -> None:
    visitor = Visitor(
        start_ts=-MAX_AMOUNT, counts=[MAX_COUNT] * 17, totals=[-1] * 17, spend=MAX_AMOUNT, cart_ts=1 << 62
    )
    one = click(0, "view_item", price=1.7e308, page="x" * 1024, device="\U0001f600", channel="İ")
    facts = Facts(Fate.APPLIED, [], position=1, event=250, previous=250, dwell_ms=MAX_AMOUNT)
    one.price = float("inf")
    matrix = features.matrix(features.row(visitor, one, facts) * 3)
    assert np.isfinite(matrix).all()
    assert np.abs(matrix).max() <= 50


def test_no_clicks_make_an_empty_matrix() -> None:
    assert features.matrix(b"").shape == (0, len(features.NAMES))


def test_the_version_is_that_of_the_definitions() -> None:
    """Shown here so that a change of features is seen in review: versions made before it are refused."""
    assert features.FEATURES_VERSION == "20074115eef9"


def test_buckets_do_not_depend_on_case() -> None:
    assert features.one_of("Organic Search", 8) == features.one_of("organic search", 8) > 0
    assert features.one_of(None, 8) == features.one_of("", 8) == 0
    assert {features.one_of(f"c{n}", 4) for n in range(100)} == {1, 2, 3}
