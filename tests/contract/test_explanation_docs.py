"""The sentences that the documentation shows are those that the program says."""

import pytest

from models.contract.events import EVENTS
from models.decisions.actions_file import Caps, When
from models.decisions.withholding import REASONS
from tests import explanations_table as table


def test_the_tables_are_current():
    page = table.PAGE.read_text(encoding="utf-8")
    assert page.count(table.BEGIN) == page.count(table.END) == 1
    assert table.placed(page) == page, "run `python -m tests.explanations_table`"


def test_every_event_has_its_own_row():
    rows = [line for line in table.section().splitlines() if line.startswith("| `")]
    assert len(rows) == 2 * len(EVENTS)
    said = [row.split(" | ", 1)[1] for row in rows]
    assert len(set(said)) == len(said)


def test_every_condition_cap_and_reason_has_a_row():
    """A new field of a rule, a new cap or a new reason needs a sentence here."""
    conditions = {
        "events": "event",
        "stages": "stage",
        "min_probability": "least probability",
        "max_probability": "greatest probability",
        "min_cart_value": "least cart value",
    }
    caps = {"per_session": "session", "per_day": "day", "cooldown_minutes": "cooldown"}
    assert set(conditions) == set(When.__struct_fields__)
    assert set(caps) == set(Caps.__struct_fields__)
    wanted = [f"{word}: {name}" for word in ("rule", "rule fails") for name in conditions.values()]
    wanted += [f"cap: {name}" for name in caps.values()]
    assert set(wanted) <= set(table.DECISIONS)
    assert all(any(row.startswith(reason) for row in table.DECISIONS) for reason in REASONS)


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("rule: least cart value", "the cart is worth 60.00 EUR (needed: at least 50.00 EUR)"),
        ("rule fails: stage", "the session's stage is cart (needed: checkout)"),
        ("rule fails: event", "the event is add_to_cart (needed: search or login)"),
        ("rule fails: greatest probability", "the purchase probability is 20% (needed: below 12.5%)"),
        ("consent", "because the visitor has not consented"),
        ("risk", "coupon was not offered: the session looks automated (risk 0.97, limit 0.5)"),
        ("cap: session", "offered as often as its limits allow (once a session)"),
        ("cap: day", "offered as often as its limits allow (at most 3 times a day)"),
        ("cap: cooldown", "offered as often as its limits allow (at least 1 hour 30 minutes apart)"),
        ("exploration", "by exploration"),
        ("exploration, own epsilon", "(it had a probability of 2%). The rules prefer ad."),
        ("no rule holds", "because no rule of an allowed action holds"),
    ],
)
def test_a_reason_is_said_plainly(reason, part):
    assert part in table.decision(reason)
