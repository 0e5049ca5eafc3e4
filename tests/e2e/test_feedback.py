"""On a real broker, over kills: every decision but `none` ends with exactly one reward record."""

import json
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from deploy.cli import main
from models.durations import DAY_MS
from tests.e2e.worker import START, Worker, click, decoded, encoded, send

COUNT, VISITORS, PARTS = 900, 40, 3
#: One visitor for each of the partitions, whose clicks let the event time pass.
CLOCKS = [f"clock{number}" for number in range(24)]
ACTIONS = """
placement = "shop"
epsilon = 0.9
actions = [
    { name = "nothing", kind = "none" },
    { name = "ad", kind = "ad", weight = 2.0, when = { events = ["view_item"] } },
    { name = "coupon", kind = "coupon", cost = 5.0, explore_when = {} },
]
"""


def shopping(first, count):
    """Every seventh click tells that the visitor's last decision was seen, every 31st that it sold."""
    for number in range(first, first + count):
        made = click(number, f"v{number % VISITORS}")
        before = f"e{number - VISITORS}"
        if number >= VISITORS and number % 7 == 0:
            made |= {"event": "view_promotion", "decision_id": f"{before}:shop"}
        elif number >= VISITORS and number % 31 == 0:
            made |= {"event": "purchase", "value": 40.0, "decision_id": f"{before}:shop"}
        elif number >= VISITORS and number % 11 == 0:
            made |= {"event": "select_item", "recommendation_id": before}
        yield made


def later(days):
    return [
        click(10_000 + days, name, ts=START + days * DAY_MS) | {"event_id": f"{name}-{days}"}
        for name in CLOCKS
    ]


def test_each_decision_has_one_reward_over_kills(broker, topics, tmp_path, monkeypatch):
    actions = tmp_path / "actions.toml"
    actions.write_text(ACTIONS)
    with Worker(broker, topics, tmp_path, session_timeout_seconds=6, actions=actions) as worker:
        for part in range(PARTS):
            send(broker, topics.clicks, encoded(shopping(part * COUNT // PARTS, COUNT // PARTS)))
            worker.wait(lambda: worker.total("pathcast_events_total") > 20, "no answer")
            worker.kill()
            worker.start().wait_ready()
        send(broker, topics.clicks, encoded(later(2)))
        worker.wait(lambda: worker.total("pathcast_lag_records") == 0, "clicks are left")
        # The second killing falls into the closing of windows, or is soon after it.
        worker.kill()
        worker.start().wait_ready()
        send(broker, topics.clicks, encoded(later(5)))
        wanted = COUNT + 2 * len(CLOCKS)
        worker.wait(lambda: len(decoded(broker, topics.ad_decisions)) >= wanted, "clicks are missing")
        decisions = decoded(broker, topics.ad_decisions)
        assert len(decisions) == wanted
        rewards = decoded(broker, topics.rewards)
        lists = decoded(broker, topics.recommendation_outcomes)
        assert worker.stop() == 0
    made = {one["decision_id"]: one for one in decisions if one["action"] != "nothing"}
    due = {name for name, one in made.items() if one["ts"] < START + 3 * DAY_MS}
    assert len(due) > COUNT // 2
    assert Counter(one["decision_id"] for one in rewards) == Counter(dict.fromkeys(due, 1))
    for one in rewards:
        decision = made[one["decision_id"]]
        assert (one["propensity"], one["context"]) == (decision["propensity"], decision["context"])
    told = Counter(outcome["event"] for one in rewards for outcome in one["outcomes"])
    assert told["shown"] > 50
    assert told["bought"] > 5
    assert Counter(one["recommendation_id"] for one in lists).most_common(1)[0][1] == 1
    assert any(outcome.get("position", 0) for one in lists for outcome in one["outcomes"]) or not any(
        one["items"] for one in lists
    )
    reported(worker, tmp_path / "report.json", monkeypatch, rewards, lists)


def reported(worker: Worker, out: Path, monkeypatch, rewards, lists):
    """`pathcast feedback report` says the same of the topics."""
    for name, value in worker.environment.items():
        if name.startswith(("PATHCAST_", "KAFKA_")):
            monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["feedback", "report", "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "Recommendations with an outcome" in result.output
    found = json.loads(out.read_text())
    assert sum(one["cases"] for one in found["decisions"]) == len(rewards)
    assert sum(one["cases"] for one in found["recommendations"]) == len(lists)
    coupon = next(one for one in found["decisions"] if one["action"] == "coupon")
    assert 0 <= coupon["bought"]["low"] <= coupon["bought"]["value"] <= coupon["bought"]["high"] <= 1
