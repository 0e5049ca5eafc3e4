"""What is read for an experiment: its decisions, later ones of its visitors, and the money of purchases."""

import json

from deploy.runs.experiment_outcomes import clicks_of, decisions_of, payments
from models.experiments.experiment import Arm, Experiment

TRIAL = Experiment(name="t", placement="p", salt="s", arms=[Arm("a", 0.5), Arm("b", 0.5)])


def decision(visitor: str, ts: int, **named: str) -> bytes:
    context = {"purchase_probability": 0.1, "stage": "cart", "cart_milli": 5, "event": "purchase", **named}
    record = {"event_id": f"{visitor}{ts}", "visitor_id": visitor, "ts": ts, "action": "x"}
    return json.dumps({**record, "context": context}, separators=(",", ":")).encode()


def test_decisions_of_others_and_before_it_are_passed_over() -> None:
    read = decisions_of(
        TRIAL,
        [
            decision("v", 1),
            decision("v", 2, experiment="t", arm="a"),
            decision("w", 3, experiment="other", arm="b"),
            decision("v", 4),
            decision("w", 9),
        ],
    )
    assert [(row[1], row[2], row[3]) for row in read.rows] == [("v", 2, "a"), ("v", 4, "a")]
    assert read.reached == 9
    assert decisions_of(TRIAL, []).rows == []


def test_money_is_the_value_or_price_times_pieces_of_purchases_alone() -> None:
    known = {"visitor_id": "v", "ts": 1_700_000_000_000}
    clicks = [
        {"event_id": "1", "event": "purchase", "value": 12.5, **known},
        {"event_id": "2", "event": "purchase", "price": 3.0, "quantity": 2, **known},
        {"event_id": "3", "event": "purchase", **known},
        {"event_id": "4", "event": "view_item", "price": 3.0, **known},
        {"event_id": "5"},
    ]
    paid = payments(clicks_of(json.dumps(click).encode() for click in clicks))
    assert paid == {"1": 12.5, "2": 6.0, "3": 0.0}
