"""Decisions with their rewards, from the event log as workers' records filled it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from models.contract.decision_context import Context, inputs_mark
from models.contract.rewards import Reward, RewardParts
from tests.eventlogs import START, Record
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME, REWARDS, LogTable
from trainer.eventlog.rows import Rows
from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.policy_runs.decision_slice import DecisionSlice, network_of
from trainer.policy_runs.policy_workdir import PolicyRunError

SHOP = DecisionSlice("shop", "nothing", (), 1_000)
CHANCES = {"nothing": 0.5, "ad": 0.3, "coupon": 0.2}


def _context(mask: int = 7, **fields: Any) -> Context:
    known = {"purchase_probability": 0.25, "stage": "cart", "cart_milli": 12_500, "event": "add_to_cart"}
    return msgspec.convert({**known, "click": 3, "mask": mask, **fields}, Context)


def _reward(number: int, action: str = "ad", reward: float = 1.5, **fields: Any) -> Reward:
    known: dict[str, Any] = {
        "decision_id": f"e{number}:shop",
        "visitor_id": f"v{number % 3}",
        "placement": "shop",
        "action": action,
        "propensity": CHANCES[action],
        "probabilities": CHANCES,
        "context": _context(),
        "policy_version": "p",
        "model_version": "m",
        "decided_at": START + 1_000 * number,
        "closed_at": START + 86_400_000,
        "ended": "window",
        "outcomes": [],
        "parts": RewardParts(),
        "reward": reward,
    }
    return Reward(**{**known, **fields})


def _nothing(number: int) -> dict[str, Any]:
    """A decision to serve nothing, as `ad-decisions` has it."""
    return {
        "event_id": f"e{number}",
        "visitor_id": f"v{number % 3}",
        "ts": START + 1_000 * number,
        "model_version": "m",
        "catalogue_version": "",
        "features_version": "",
        "rung": "neural",
        "scored_at": 0,
        "decision_id": f"e{number}:shop",
        "placement": "shop",
        "action": "nothing",
        "propensity": 0.5,
        "probabilities": CHANCES,
        "policy_version": "p",
        "explored": False,
        "draw": 0.5,
        "context": msgspec.to_builtins(_context()),
    }


def _filled(log: EventLog, table: LogTable, records: Sequence[Any]) -> None:
    source = TopicSource(table.name, "one", 0, 10**9)
    writer = Buffer.open(log, Rows(table), 0, source, lambda frame: frame, False)
    for at in range(0, len(records), 5):
        part = enumerate(records[at : at + 5], start=at)
        rows: list[Any] = [Record(0, n, START, b"v", msgspec.json.encode(record)) for n, record in part]
        writer.add(rows)
        writer.commit(0, START)


def _log(tmp_path: Path, rewards: Sequence[Reward], nothings: Sequence[Any] = ()) -> EventLog:
    log = EventLog.at(str(tmp_path / "log"))
    _filled(log, REWARDS, rewards)
    if nothings:
        _filled(log, BY_NAME["ad-decisions"], nothings)
    return log


def test_decisions_are_read_with_rewards_masks_and_contexts(tmp_path: Path) -> None:
    rewards = [_reward(0), _reward(2, "coupon", -2.0, context=_context(mask=5)), _reward(4)]
    log = _log(tmp_path, rewards, [_nothing(1), _nothing(3), _nothing(9)])
    assert SHOP.write(log, tmp_path / "slice") == 5
    logged = read_decisions([tmp_path / "slice"], HowRead({}, SHOP.context)).decisions
    assert [logged.actions[at] for at in logged.action] == ["ad", "nothing", "coupon", "nothing", "ad"]
    assert logged.reward.tolist() == [1.5, 0.0, -2.0, 0.0, 1.5]
    assert logged.propensity.tolist() == [0.3, 0.5, 0.2, 0.5, 0.3]
    ad, coupon = logged.actions.index("ad"), logged.actions.index("coupon")
    assert logged.mask[:, ad].tolist() == [True, True, False, True, True]
    assert logged.mask[:, coupon].all()
    assert logged.context.row(0, named=True) == {
        "purchase_probability": 0.25,
        "stage": "cart",
        "cart_value": 12.5,
        "event": "add_to_cart",
        "click": 3.0,
        "session_risk": None,
    }
    assert logged.visitor is not None
    assert len(np.unique(logged.visitor)) == 3


def test_the_newest_are_kept_and_equal_logs_give_equal_tables(tmp_path: Path) -> None:
    log = _log(tmp_path, [_reward(number) for number in range(30)])
    newest = DecisionSlice("shop", "nothing", (), 12)
    for name in ("one", "two"):
        assert newest.write(log, tmp_path / name) == 12
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    times = pl.read_parquet(tmp_path / "one")["ts"]
    assert times.to_list() == [START + 1_000 * number for number in range(18, 30)]


STATES = ("session_clicks", "hidden:0")


def _recorded(number: int, vector: list[float], inputs: Sequence[str] = STATES, **fields: Any) -> Reward:
    version = f"20260101T000000-a.b{inputs_mark(inputs)}"
    return _reward(number, context=_context(vector=vector), policy_version=version, **fields)


def test_inputs_have_columns_and_decisions_recorded_with_others_are_left_out(
    tmp_path: Path,
) -> None:
    rewards = [
        _recorded(0, [0.5, 2.0]),
        _reward(1),
        _recorded(2, [3.0, 4.0], inputs=STATES[::-1]),
        _recorded(3, [5.0, 6.0], inputs=("session_clicks", "hidden:1")),
        _recorded(4, [7.0, 8.0]),
    ]
    idle = [_nothing(1), _nothing(2) | {"policy_version": f"r{inputs_mark(STATES)}"}]
    idle[1]["context"] = idle[1]["context"] | {"vector": [1.0, 1.5]}
    shop = DecisionSlice("shop", "nothing", STATES, 100)
    assert shop.write(_log(tmp_path, rewards, idle), tmp_path / "slice") == 3
    table = pl.read_parquet(tmp_path / "slice")
    assert table.select(*STATES).rows() == [(0.5, 2.0), (1.0, 1.5), (7.0, 8.0)]
    assert network_of(tmp_path / "slice") == "m"


def test_session_states_are_those_of_the_newest_decisions_network(tmp_path: Path) -> None:
    networks = ["old", "new", "old", "new", ""]
    rewards = [_recorded(at, [1.0, at], model_version=network) for at, network in enumerate(networks)]
    log = _log(tmp_path, rewards)
    DecisionSlice("shop", "nothing", STATES, 100).write(log, tmp_path / "slice")
    assert pl.read_parquet(tmp_path / "slice")["hidden:0"].to_list() == [1.0, 3.0]
    assert network_of(tmp_path / "slice") == "new"


def test_features_are_alike_whichever_network_answers(tmp_path: Path) -> None:
    one = ("session_clicks",)
    rewards = [_recorded(at, [1.0 + at], one, model_version=f"m{at}") for at in range(3)]
    DecisionSlice("shop", "nothing", one, 100).write(_log(tmp_path, rewards), tmp_path / "slice")
    assert pl.read_parquet(tmp_path / "slice")["session_clicks"].to_list() == [1.0, 2.0, 3.0]
    assert network_of(tmp_path / "slice") == ""


def test_a_log_without_the_inputs_says_what_records_them(tmp_path: Path) -> None:
    with pytest.raises(PolicyRunError, match="with session_clicks, hidden:0 once the actions file"):
        DecisionSlice("shop", "nothing", STATES, 100).write(_log(tmp_path, [_reward(0)]), tmp_path / "slice")
    unscored = [_recorded(0, [1.0, 2.0], model_version="")]
    with pytest.raises(PolicyRunError, match="no network answered"):
        DecisionSlice("shop", "nothing", STATES, 100).write(
            _log(tmp_path / "n", unscored), tmp_path / "slice"
        )


def test_actions_that_came_later_keep_earlier_masks_right(tmp_path: Path) -> None:
    more = {"new": 0.1, "nothing": 0.4, "ad": 0.3, "coupon": 0.2}
    rewards = [_reward(0, context=_context(mask=3)), _reward(1, probabilities=more, context=_context(mask=3))]
    SHOP.write(_log(tmp_path, rewards), tmp_path / "slice")
    assert pl.read_parquet(tmp_path / "slice")["allowed"].to_list() == ["nothing|ad", "new|nothing"]


def test_a_log_without_rewards_of_the_placement_is_refused(tmp_path: Path) -> None:
    log = _log(tmp_path, [_reward(0, placement="elsewhere")])
    with pytest.raises(PolicyRunError, match="has no rewards of the placement shop"):
        SHOP.write(log, tmp_path / "slice")
