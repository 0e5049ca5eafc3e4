"""Records of `rewards` as logged decisions: from files, from the event log, with decisions for nothing."""

import json
from pathlib import Path

import msgspec
import pytest

from models.contract.decision_context import Context
from models.contract.rewards import JoinedOutcome, RecommendationOutcome, Reward
from models.feedback.reward_mix import RewardMix
from tests.eventlogs import Record
from trainer.decision_tables.reward_table import context_columns, from_event_log, reward_table, with_none
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME
from trainer.eventlog.rows import Rows
from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.policy_reports.feedback_report import FeedbackReport, share
from trainer.tables.log_error import LogError

T0 = 1_790_000_000_000


def reward(number=0, action="ad", vector=None, outcomes=(), **fields):
    mix = RewardMix()
    parts = mix.parts(outcomes, 2.0)
    made = {
        "decision_id": f"e{number}:shop",
        "visitor_id": f"v{number % 3}",
        "placement": "shop",
        "action": action,
        "propensity": 0.25,
        "probabilities": {"nothing": 0.5, "ad": 0.25, "coupon": 0.25},
        "context": Context(0.125, "cart", 12_500, "view_item", 3, 0b111, 0.5, True, vector),
        "policy_version": "p1",
        "model_version": "m1",
        "decided_at": T0 + number,
        "closed_at": T0 + number + 1000,
        "ended": "window",
        "outcomes": list(outcomes),
        "parts": parts,
        "reward": mix.reward(parts),
    }
    return Reward(**(made | fields))


SOLD = [JoinedOutcome("shown", T0), JoinedOutcome("bought", T0 + 5, 40.0)]


def test_a_record_is_a_row_with_its_context_and_mask():
    one = msgspec.structs.replace(reward(vector=[1.0, 2.0], outcomes=SOLD))
    one.context = msgspec.structs.replace(one.context, mask=0b011)
    table = reward_table([one, reward(1)])
    assert table["allowed"].to_list() == [["nothing", "ad"], ["nothing", "ad", "coupon"]]
    assert table["reward"].to_list() == [10.0, 0.0]
    assert table["part_value"].to_list() == [40.0, 0.0]
    assert table["cart_value"].to_list() == [12.5, 12.5]
    assert table["vector_1"].to_list() == [2.0, None]
    assert context_columns(table)[-2:] == ["vector_0", "vector_1"]
    again = reward_table([one], RewardMix(margin=0.0, value=1.0))
    assert again["reward"].to_list() == [38.0]


def lines(path: Path, records) -> Path:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, records)) + b"\n")
    return path


def test_a_file_of_records_is_a_log_of_decisions(tmp_path):
    records = [reward(number, "ad" if number % 2 else "coupon", outcomes=SOLD) for number in range(8)]
    found = read_decisions([lines(tmp_path / "rewards.jsonl", records)], HowRead({})).decisions
    assert found.actions == ("ad", "coupon", "nothing")
    assert len(found) == 8
    assert found.reward.tolist() == [10.0] * 8
    assert found.mask.all()
    assert found.probabilities is not None
    assert found.probabilities[0].tolist() == [0.25, 0.25, 0.5]
    assert found.visitor is not None
    assert len(set(found.visitor.tolist())) == 3
    names = found.context.columns
    assert names == ["purchase_probability", "stage", "cart_value", "event", "click", "session_risk"]


def test_a_line_that_is_no_record_is_named(tmp_path):
    path = lines(tmp_path / "rewards.jsonl", [reward(), reward(1)])
    with path.open("ab") as file:
        file.write(b'{"decision_id": 3}\n')
    with pytest.raises(LogError, match=r"rewards\.jsonl row 3"):
        read_decisions([path], HowRead({}))
    assert read_decisions([path], HowRead({}, skip_refused=True)).counts.refused == {"line": 1}


def filled(log, name, values):
    source = TopicSource(name, "id", 0, len(values))
    buffer = Buffer.open(log, Rows(BY_NAME[name]), 0, source, lambda frame: frame, False)
    buffer.add(
        [
            Record(0, at, T0, json.loads(value)["visitor_id"].encode(), value)
            for at, value in enumerate(values)
        ]
    )
    buffer.commit(0, T0)


def decision(number, action):
    """As on `ad-decisions`."""
    chance = 0.5 if action == "nothing" else 0.25
    said = msgspec.to_builtins(reward(number, action, propensity=chance))
    dropped = ("decided_at", "closed_at", "ended", "outcomes", "parts", "reward")
    answer = {"event_id": f"e{number}", "ts": T0 + number, "catalogue_version": "c", "features_version": "f"}
    answer |= {"rung": "neural", "scored_at": T0, "explored": False, "draw": 0.5, "would_have": action}
    return json.dumps({name: said[name] for name in said if name not in dropped} | answer).encode()


def test_the_event_log_has_rewards_and_decisions_for_nothing(tmp_path):
    log = EventLog.at(str(tmp_path))
    records = [reward(number, outcomes=SOLD if number % 2 else ()) for number in range(0, 8, 2)]
    filled(log, "rewards", [msgspec.json.encode(one) for one in records])
    actions = ["ad" if number % 2 == 0 else "nothing" for number in range(10)]
    filled(log, "ad-decisions", [decision(number, action) for number, action in enumerate(actions)])
    table = from_event_log(log)
    assert table.equals(reward_table(records))
    assert from_event_log(log, since=T0 + 4).height == 2
    whole = with_none(log, table)
    # Of the decisions after the last reward nobody knows yet what becomes of them.
    assert whole["action"].to_list() == ["ad", "nothing"] * 3 + ["ad"]
    assert whole.filter(action="nothing")["reward"].to_list() == [0.0] * 3
    path = tmp_path / "out.parquet"
    whole.write_parquet(path)
    read = read_decisions([path], HowRead({}, context=context_columns(whole))).decisions
    assert len(read) == 7


def test_the_report_counts_by_what_decided():
    report = FeedbackReport()
    report.take([reward(number, outcomes=SOLD if number < 5 else ()) for number in range(20)])
    report.take([reward(30, "coupon", ended="evicted")])
    outcomes = [JoinedOutcome("clicked", T0, position=3), JoinedOutcome("rated", T0, 4.0)]
    report.take(
        [
            RecommendationOutcome(
                recommendation_id="e1",
                visitor_id="v",
                model_version="m1",
                rung="neural",
                items=20,
                recommended_at=T0,
                closed_at=T0,
                ended="window",
                outcomes=outcomes,
            )
        ]
    )
    (coupon, ad) = sorted(report.decisions.items(), key=lambda row: row[0].action, reverse=True)
    assert (coupon[1].evicted, ad[1].cases) == (1, 20)
    assert ad[1].rate("bought") == share(5, 20)
    assert ad[1].value.interval.value == pytest.approx(10.0)
    assert ad[1].reward.interval.value == pytest.approx(2.5)
    ((key, row),) = report.recommendations.items()
    assert (key.model_version, row.position.interval.value, row.rating.interval.value) == ("m1", 3.0, 4.0)


def test_shares_have_wilson_intervals():
    """Newcombe 1998, table I: 81 of 263, and 0 of 20."""
    assert share(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)
    assert share(0, 20) == pytest.approx((0.0, 0.0, 0.1611), abs=5e-5)
    assert share(0, 0).value is None
