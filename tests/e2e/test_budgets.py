"""Budgets and caps over a simulated day: two workers and the pacer, with kills and rebalances among them."""

import subprocess
import time
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from deploy.cluster.topic_creation import ensure
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e import budget_day
from tests.e2e.load import FULL_RATE, Load
from tests.e2e.worker import Worker, decoded, read, send

SECONDS = 150
CLICKS = int(FULL_RATE * SECONDS)


class Pacer:
    """`pathcast pacer` with a worker's settings."""

    def __init__(self, worker: Worker, log: Path) -> None:
        self._worker, self._log = worker, log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [self._worker.command[0], "pacer", "run", "--every", "0.2"],
                env=self._worker.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        Worker.started.append(self._process)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        self._process.kill()
        self._process.wait()


@pytest.mark.slow
def test_a_day_of_budgets_with_kills(broker: Connection, tmp_path: Path) -> None:
    names, file = topic_names(), tmp_path / "actions.toml"
    text, lowered = budget_day.actions_text(CLICKS), budget_day.actions_text(CLICKS, coupons=0.2)
    file.write_text(text)
    ensure(broker, names, partitions=4)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    settings = {"actions": file, "session_timeout_seconds": 6}
    one, two = (Worker(broker, names, folder, **settings).start() for folder in folders)
    with Pacer(one, tmp_path / "pacer.log") as pacer:
        for worker in (one, two):
            worker.wait_ready()
        load = Load(broker, names.clicks, FULL_RATE, budget_day.day_of_clicks(CLICKS))
        begun = time.monotonic()
        load.start()
        load.wait(CLICKS // 4)
        one.kill()
        one.start()
        load.wait(CLICKS * 3 // 8)
        # A worker that starts refuses a wrong file: the first one is to be up before.
        one.wait_ready()
        file.write_text(lowered.replace("weight = 6.0", 'weight = "heavy"'))
        two.wait(lambda: two.metrics().get("pathcast_actions_file_refused") == 1, "the file was not refused")
        assert "line" in two.get("/actions")[1]
        file.write_text(lowered)
        two.wait(lambda: two.metrics()["pathcast_actions_file_refused"] == 0, "the file was not taken over")
        pacer.__exit__()
        pacer.__enter__()
        load.wait(CLICKS * 5 // 8)
        two.kill()
        two.start()
        load.join()
        load.stop()
        all_decisions(broker, names.ad_decisions, one, CLICKS)
        print(f"{CLICKS:,} clicks answered in {time.monotonic() - begun:.0f} s")
        closing = budget_day.days_after(CLICKS)
        send(broker, names.clicks, closing[: budget_day.CLOCKS])
        all_decisions(broker, names.ad_decisions, one, CLICKS + budget_day.CLOCKS)
        send(broker, names.clicks, closing[budget_day.CLOCKS :])
        found = all_decisions(broker, names.ad_decisions, one, CLICKS + len(closing))
        rewards = decoded(broker, names.rewards)
    for worker in (one, two):
        worker.kill()
    check(found, text, lowered)
    seen = budget_day.check_rewards(found, rewards)
    print(f"{len(rewards):,} rewards, one for each decision but `none`; {seen:,} decisions were seen")
    assert seen > 0.02 * CLICKS


def all_decisions(broker: Connection, topic: str, worker: Worker, wanted: int) -> list[dict[str, Any]]:
    """Every decision once, as soon as there is one for each of the clicks wanted."""
    decode = msgspec.json.Decoder().decode
    deadline = time.monotonic() + 240
    while True:
        found = [decode(record.value) for record in read(broker, topic)]
        if len(found) >= wanted:
            break
        assert time.monotonic() < deadline, (
            f"{len(found):,} of {wanted:,} decisions:\n{worker.said()[-2000:]}"
        )
        time.sleep(5)
    assert len({one["decision_id"] for one in found}) == len(found) == wanted
    return found


def check(found: list[dict[str, Any]], text: str, lowered: str) -> None:
    """What the day must have kept to."""
    actions, later = ActionSet.load(text), ActionSet.load(lowered)
    versions = budget_day.verified(found, [text, lowered])
    print(f"decisions by version {dict(versions)}")
    assert len(versions) == 2
    assert budget_day.check_caps(found, actions) > 0.05 * CLICKS
    spent = budget_day.spend(found, actions)
    errors = budget_day.pacing_errors(spent, actions)
    assert errors["ahead"] < 0.10
    assert max(error for name, error in errors.items() if name.startswith("even/")) < 0.10
    coupons = sum(cost for _, cost in spent["coupons"])
    assert later.limits.budget("coupons") <= coupons, "the lowered budget was below what was spent"
    now = policy_of(later).version
    after = [one for one in found if one["action"] == "coupon" and one["policy_version"] == now]
    print(f"{coupons / 1000:,.2f} of coupons, {later.limits.budget('coupons') / 1000:,.2f} allowed later")
    assert after == [], "nothing is spent under a budget below what is spent"
    p_value, freedom = budget_day.propensity_p_value(found)
    print(f"propensities: p = {p_value:.3f} at {freedom} degrees of freedom")
    assert p_value > 1e-3
    for reason in ("holdout", "budget", "audience"):
        assert any(reason in one["context"].get("withheld", {}) for one in found), reason
