"""A replayed log joins the devices of a user as serving does, from the click after the one that says so."""

import numpy as np
import polars as pl
import pytest

from models.contract.profile_updates import ProfileUpdate
from models.features.features import NAMES
from models.sessions.lifecycle import SessionConfig
from tests.scoring import SHIPPED
from trainer.experiments.leakage import find_leaks
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import LogReplay, replay_log

MINUTE = 60_000
START = 1_600_000_000_000


def log(*rows: dict) -> pl.LazyFrame:
    """Rows with `minute` and what differs from a view of an item."""
    base = {"event": "view_item", "item_id": "x", "category": "hats", "price": 9.0, "user_id": None}
    said = [base | {"value": None, "consent": None} | row for row in rows]
    made = [
        {**row, "event_id": f"e{number}", "ts": START + row["minute"] * MINUTE}
        for number, row in enumerate(said)
    ]
    frame = pl.DataFrame(made, infer_schema_length=None).drop("minute")
    return frame.with_columns(pl.col("user_id").cast(pl.String)).lazy()


def column(replayed: LogReplay, name: str) -> list[float]:
    return replayed.examples().features[:, NAMES.index(name)].tolist()


def orders(replayed: LogReplay) -> list[float]:
    return [round(float(np.expm1(value)), 3) for value in column(replayed, "orders")]


BOUGHT = {"visitor_id": "phone", "minute": 1, "event": "purchase", "value": 20.0}


def test_what_was_bought_on_one_device_counts_on_the_other_from_the_login_s_next_click() -> None:
    replayed = replay_log(
        log(
            {"visitor_id": "phone", "minute": 0, "user_id": "anna"},
            BOUGHT,
            {"visitor_id": "laptop", "minute": 50, "event": "login", "user_id": "anna"},
            {"visitor_id": "laptop", "minute": 51},
            {"visitor_id": "tablet", "minute": 52},
        )
    )
    assert orders(replayed) == [0, 1, 0, 1, 0]
    assert column(replayed, "since_purchase_never") == [1, 0, 1, 0, 1]


def test_a_session_s_end_is_told_when_its_time_has_come_though_nobody_comes_back() -> None:
    rows = [
        {"visitor_id": "laptop", "minute": 0, "user_id": "anna"},
        {"visitor_id": "phone", "minute": 0, "user_id": "anna"},
        BOUGHT,
        *({"visitor_id": "laptop", "minute": minute} for minute in (2, 30, 32)),
    ]
    assert orders(replay_log(log(*rows))) == [0, 0, 1, 0, 0, 1]


def test_another_user_on_the_device_ends_it() -> None:
    replayed = replay_log(
        log(
            {"visitor_id": "phone", "minute": 0, "user_id": "anna"},
            BOUGHT,
            {"visitor_id": "laptop", "minute": 40, "user_id": "anna"},
            {"visitor_id": "laptop", "minute": 41},
            {"visitor_id": "laptop", "minute": 42, "user_id": "bert"},
            {"visitor_id": "laptop", "minute": 43},
        )
    )
    assert orders(replayed) == [0, 1, 0, 1, 0, 0]


def test_a_device_that_expired_counts_no_more() -> None:
    config = SessionConfig(churn_ms=60 * MINUTE, ttl_ms=2 * 24 * 60 * MINUTE)
    rows = log(
        {"visitor_id": "phone", "minute": 0, "user_id": "anna"},
        BOUGHT,
        *({"visitor_id": "laptop", "minute": minute, "user_id": "anna"} for minute in (40, 41, 2_000, 3_000)),
    )
    assert orders(LogReplay(config=config).through(rows)) == [0, 1, 0, 1, 1, 0]


def test_a_log_walked_in_two_parts_is_the_log_walked_in_one() -> None:
    rows = [
        {"visitor_id": name, "minute": minute, "user_id": "anna"}
        for minute in range(0, 90, 9)
        for name in ("phone", "laptop")
    ]
    whole, parts = replay_log(log(*rows)), LogReplay()
    frame = log(*rows).collect()
    for part in (frame.head(11), frame.tail(9)):
        parts.through(part.lazy())
    assert (whole.examples().features == parts.examples().features).all()
    assert column(whole, "sessions")[-1] > column(whole, "sessions")[0]


def test_profiles_count_from_their_time_on_and_reach_all_devices_of_a_user() -> None:
    rows = log(
        *({"visitor_id": "phone", "minute": minute, "user_id": "anna"} for minute in (0, 2, 4)),
        {"visitor_id": "tv", "minute": 5},
        {"visitor_id": "car", "minute": 6, "consent": False},
        {"visitor_id": "car", "minute": 7, "consent": True},
    )
    ts = START + MINUTE
    updates = [
        ProfileUpdate(user_id="anna", ts=ts, interests={"hats": 0.5}),
        *(ProfileUpdate(visitor_id=name, ts=ts, interests={"hats": 0.25}) for name in ("tv", "car")),
    ]
    # What is kept of who refuses is gone for good, and the refusing click itself is not learned from.
    assert column(replay_log(rows, profiles=updates), "interest_this") == [0, 0.5, 0.5, 0.25, 0]
    assert column(replay_log(rows), "interest_this") == [0] * 5


def test_nothing_that_features_read_of_other_devices_is_of_the_future() -> None:
    """Half of the visitors share users; who shares none has the features of a log without users."""
    plain = read_log([SHIPPED]).sort("ts", maintain_order=True).head(3_000).collect()
    number = pl.col("visitor_id").rank("dense")
    user = pl.when(number % 2 == 0).then(pl.format("u{}", number // 7))
    shared = plain.with_columns(user_id=user)
    findings = find_leaks(shared.lazy(), lambda part: replay_log(part).examples())
    assert {finding.name: finding.changed for finding in findings if finding.changed} == {}
    joined, alone = replay_log(shared.lazy()).examples(), replay_log(plain.lazy()).examples()
    different = (joined.features != alone.features).any(1)
    assert different.sum() > 50
    # By example the visitor's rank is not at hand: who ever differs must have been given a user.
    names = np.array(list(dict.fromkeys(plain["visitor_id"])))
    assert len(joined) == len(plain), "no click of this part of the log is left out"
    given = set(shared.filter(pl.col("user_id").is_not_null())["visitor_id"])
    assert set(names[joined.visitor[different]]) <= given


@pytest.mark.parametrize("shared", [False, True])
def test_the_replay_is_the_same_again(shared: bool) -> None:
    plain = read_log([SHIPPED]).head(1_000).collect()
    if shared:
        plain = plain.with_columns(user_id=pl.format("u{}", pl.col("visitor_id").rank("dense") // 3))
    one, other = (replay_log(plain.lazy()).examples() for _ in range(2))
    assert (one.features == other.features).all()
