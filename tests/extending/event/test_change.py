"""The event `share` is taken, counted, told apart by features, usable in rules, explained in words."""

import numpy as np

from models.contract.events import EVENT_CODES, EVENTS, Click
from models.contract.head_table import HEADS
from models.decisions.actions import ActionSet
from models.explanation.phrases import because, click_words
from models.features import features
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state import state_keys
from models.state.visitor import decode
from tests.offline import ACTIONS, Offline, records

START = 1_700_000_000_000
RULE = '[[actions]]\nname = "thanks"\nkind = "nudge"\nweight = 100.0\nwhen = { events = ["share"] }\n'


def click(number, event):
    return {
        "event_id": f"e{number}",
        "visitor_id": "v",
        "ts": START + number * 1_000,
        "event": event,
        "item_id": "i1",
    }


def test_it_is_answered_and_counted():
    offline = Offline()
    answers = offline.run(records([click(0, "view_item"), click(1, "share"), click(2, "Share")]), 1)
    assert [one["context"]["event"] for chunk in answers for one in chunk["ad-decisions"]] == [
        "view_item",
        "share",
        "share",
    ]
    state = decode(offline.state[state_keys.visitor("v")])
    assert state.counts[EVENT_CODES["share"]] == 2
    assert offline.metrics.registry.get_sample_value("pathcast_events_by_type_total", {"event": "share"}) == 2


def test_the_features_tell_it_from_every_other_event():
    rows = b""
    for event in EVENTS:
        clicked = Click(**click(1, event))
        visitor, facts = step(None, clicked, clicked.ts, SessionConfig())
        rows += features.row(visitor, clicked, facts)
    told = features.matrix(rows)[:, features.COLUMNS["event"]]
    assert len(np.unique(told, axis=0)) == len(EVENTS)


def test_a_rule_can_name_it_and_a_head_can_expect_it():
    answers = Offline(actions=ACTIONS + RULE).run(records([click(1, "share")]), 1)
    assert answers[0]["ad-decisions"][0]["probabilities"]["thanks"] > 0.5
    assert ActionSet.load(ACTIONS + RULE).names[-1] == "thanks"
    assert any("share" in head.classes for head in HEADS)


def test_an_explanation_has_its_own_words():
    assert because("share", "A") == "because you shared A"
    assert click_words("share", 2, True) == "shared the same item for the second time"
