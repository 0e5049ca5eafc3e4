"""The kind `gift` is read, decided on, and costs something unless the file says otherwise."""

import pytest

from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.verify import verify
from tests.offline import Offline, records

START = 1_700_000_000_000
TEXT = """
placement = "shop"
epsilon = 0.5
[[actions]]
name = "nothing"
kind = "none"
[[actions]]
name = "sample"
kind = "gift"
when = { stages = ["cart"] }
"""


def decisions(event, count):
    clicks = [
        {"event_id": f"e{n}", "visitor_id": f"v{n}", "ts": START + n, "event": event, "item_id": "i1"}
        for n in range(count)
    ]
    (answers,) = Offline(actions=TEXT).run(records(clicks), count)
    return answers["ad-decisions"]


def test_it_is_given_where_its_rule_holds_and_explored_nowhere_else():
    carts, views = decisions("add_to_cart", 100), decisions("view_item", 100)
    assert "sample" in {one["action"] for one in carts}
    assert {one["action"] for one in views} == {"nothing"}
    assert {one["probabilities"]["sample"] for one in views} == {0.0}
    actions = ActionSet.load(TEXT)
    assert [verify(one, actions) for one in carts + views] == [[]] * 200


def test_it_costs_something_so_automated_sessions_do_not_get_it():
    assert ActionSet.load(TEXT).too_risky(0.95) == 0b10
    assert ActionSet.load(TEXT + "cost = 0.0\n").too_risky(0.95) == 0


def test_an_unknown_kind_is_refused_with_the_kinds_that_there_are():
    with pytest.raises(ActionsError, match=r"gift, nudge, none; found 'present'"):
        ActionSet.load(TEXT.replace('"gift"', '"present"'))
