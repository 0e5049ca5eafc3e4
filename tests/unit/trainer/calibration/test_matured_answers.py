"""Which published answers have an outcome, and which: ended sessions, joined with their clicks."""

import uuid

import numpy as np
import pytest

from models.durations import DAY_MS, MINUTE_MS
from tests.eventlogs import START
from tests.matured import Said, told
from trainer.calibration.matured_answers import MaturedAnswers, Maturity, matured_answers
from trainer.eventlog.log import EventLog

GAP = 30 * MINUTE_MS
END = START + DAY_MS


def read(log: EventLog, days: float = 7.0, most: int = 10**6, settled: int = 0) -> MaturedAnswers:
    return matured_answers(log, Maturity(GAP, settled), days, most)


@pytest.fixture
def log() -> EventLog:
    return EventLog.at(f"memory://{uuid.uuid4()}")


def session(name: str, *events: str, at: int = START, **fields: object) -> list[Said]:
    made = {"event": "view_item", "visitor": name.split(":")[0], **fields}
    return [
        Said(name, place, at + 1000 * place, **made | {"event": event})  # type: ignore[arg-type]
        for place, event in enumerate(events, start=1)
    ]


LAST = Said("z:1", 1, END, visitor="z")


def test_an_outcome_is_a_later_purchase_of_the_session(log: EventLog) -> None:
    views = session("a:1", "view_item", "add_to_cart", "purchase", "view_item")
    told(log, [*views, *session("b:1", "view_item", "view_item"), LAST])
    found = read(log)
    assert (len(found), found.sessions, found.buying_sessions, found.reached) == (5, 2, 1, END)
    assert found.bought.tolist() == [True, True, False, False, False]
    assert len(np.unique(found.visitor)) == 2


def test_a_session_that_may_go_on_has_no_outcome(log: EventLog) -> None:
    young = session("a:1", "view_item", at=END - GAP)
    old = session("b:1", "view_item", at=END - GAP - 2000)
    told(log, [*young, *old, LAST])
    assert read(log).sessions == 1


def test_a_short_session_counts_no_sooner_than_a_long_one(log: EventLog) -> None:
    told(log, [*session("a:1", "view_item", at=END - 2 * GAP), *session("b:1", "view_item"), LAST])
    assert read(log).sessions == 2
    assert read(log, settled=3 * GAP).sessions == 1


def test_a_partition_is_as_far_as_its_own_answers(log: EventLog) -> None:
    told(log, [*session("a:1", "view_item", partition=1), LAST])
    assert len(read(log)) == 0


def test_a_session_whose_clicks_are_not_all_there_is_left_out(log: EventLog) -> None:
    told(log, session("a:1", "view_item", "view_item"))
    told(log, [LAST], clicks=False)
    assert len(read(log)) == 0
    assert len(read(EventLog.at(f"memory://{uuid.uuid4()}"))) == 0


def test_other_tiers_and_other_versions_are_told_apart(log: EventLog) -> None:
    swapped = session("b:1", "view_item", "view_item")
    swapped[0] = swapped[0]._replace(version="former")
    low = session("c:1", "view_item", "view_item")
    low[1] = low[1]._replace(rung="popular")
    told(log, [*session("a:1", "view_item"), *swapped, *low, LAST])
    found = read(log)
    assert len(found) == 4
    assert len(found.of_version("served")) == 2
    assert found.of_version("former").sessions == 0


def test_the_window_ends_with_the_newest_answer_and_is_bounded(log: EventLog) -> None:
    told(log, [*session("a:1", "view_item"), *session("b:1", "view_item", at=END - 2 * GAP), LAST])
    assert read(log).sessions == 2
    assert read(log, days=0.5).sessions == 1
    assert len(read(log, most=1)) == 0
