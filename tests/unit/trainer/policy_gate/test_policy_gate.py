"""The policy gate on simulated logs, where true values are known."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.off_policy.fixed_policies import Logging
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policy_gate.policy_figures import measure
from trainer.policy_gate.policy_gate import judge
from trainer.policy_gate.policy_gate_report import keep
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import epsilon_greedy, rules, uniform
from trainer.simulation.simulated_logs import decision_log, session_log
from trainer.simulation.state_policy import StatePolicy, states_of
from trainer.simulation.step_model import Floats
from trainer.simulation.true_values import best_of, never, one_decision, optimum, session_value

#: The reward model that costs least; what it does not know, weights make up for.
SETTINGS = PolicyGateSettings(model="means")
DECISIONS = 40_000


@pytest.fixture(scope="module")
def logging(shop: Shop) -> Floats:
    return epsilon_greedy(shop, rules(shop), 0.5)


@pytest.fixture(scope="module")
def logged(shop: Shop, logging: Floats) -> LoggedDecisions:
    return decision_log(shop, one_decision(shop), logging, DECISIONS, seed=1)


def _policy(shop: Shop, shares: Floats, name: str = "candidate") -> StatePolicy:
    return StatePolicy(name, shop, shares)


def _best(shop: Shop) -> StatePolicy:
    shares = best_of(shop, one_decision(shop).rewards)
    return _policy(shop, epsilon_greedy(shop, shares, 0.05))


def test_states_are_known_from_their_contexts(shop: Shop) -> None:
    assert (states_of(shop, shop.context) == np.arange(len(shop.context))).all()


def test_a_better_policy_passes_and_a_worse_one_does_not(shop: Shop, logged: LoggedDecisions) -> None:
    said = judge(logged, _best(shop), Logging(), shop.actions, SETTINGS)
    assert said.verdict.passed, said.verdict.reason
    worse = judge(logged, _policy(shop, uniform(shop)), Logging(), shop.actions, SETTINGS)
    assert not worse.verdict.passed
    assert worse.verdict.reason.startswith("it is not shown to be better: its value is")


def test_estimates_are_of_the_true_values(shop: Shop, logged: LoggedDecisions, logging: Floats) -> None:
    bandit, best = one_decision(shop), _best(shop)
    found = measure(logged, best, Logging(), SETTINGS)
    for estimate, shares in ((found.candidate, best.shares), (found.incumbent, logging)):
        assert estimate.low < bandit.value(shares) < estimate.high


def test_whole_sessions_are_judged_by_session(shop: Shop, logging: Floats) -> None:
    logged = session_log(shop, logging, 20_000, seed=2)
    best = 0.5 * optimum(shop).shares + 0.5 * logging
    found = measure(logged, _policy(shop, best), Logging(), SETTINGS)
    assert found.unit == "session"
    assert found.visitors == 20_000
    assert found.candidate.low < session_value(shop, best) < found.candidate.high
    assert found.incumbent.low < session_value(shop, logging) < found.incumbent.high


def test_a_policy_that_ignores_masks_is_refused(shop: Shop, logged: LoggedDecisions) -> None:
    masked = replace(logged, allowed=logged.mask & (np.arange(7) != 1))
    said = judge(masked, _policy(shop, uniform(shop)), Logging(), shop.actions, SETTINGS)
    assert said.verdict.reason == (
        f"in {len(logged):,} decisions of the log it would take an action that constraints left out"
    )


def test_a_policy_that_costs_too_much_is_refused(shop: Shop, logged: LoggedDecisions) -> None:
    coupons = np.where(shop.allowed[:, 4:5], np.arange(7) == 4, never(shop))
    limited = SETTINGS.model_copy(update={"most_spend": 3.0})
    said = judge(logged, _policy(shop, coupons.astype(float)), Logging(), shop.actions, limited)
    assert "times as much" in said.verdict.reason


def test_a_budget_of_a_day_is_kept_in_a_replay(shop: Shop, logged: LoggedDecisions) -> None:
    assert logged.ts is not None
    actions = shop.actions
    dear = msgspec.structs.replace(actions.actions[4], budget_per_day=0.01)
    budgeted = msgspec.structs.replace(actions, actions=(*actions.actions[:4], dear, *actions.actions[5:]))
    said = judge(logged, _best(shop), Logging(), budgeted, SETTINGS)
    assert said.verdict.reason.startswith("coupon would cost")
    assert said.verdict.reason.endswith("above its budget of 0.01 a day")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"least_decisions": 50_000}, "40,000 logged decisions are too few to judge on"),
        ({"least_effective": 39_999.0}, "effective decisions of its kind; at least 39,999 are needed"),
    ],
)
def test_a_log_that_says_too_little_promotes_nothing(
    shop: Shop, logged: LoggedDecisions, changed: dict[str, float], reason: str
) -> None:
    said = judge(logged, _best(shop), Logging(), shop.actions, SETTINGS.model_copy(update=changed))
    assert not said.verdict.passed
    assert reason in said.verdict.reason


def test_the_report_has_the_sentence_tables_and_a_picture(
    shop: Shop, logged: LoggedDecisions, tmp_path: Path
) -> None:
    said = judge(logged, _best(shop), Logging(), shop.actions, SETTINGS)
    keep(tmp_path / "gate", said.figures, simulated=True)
    text = (tmp_path / "gate" / "report.md").read_text()
    assert text.startswith("# candidate: passed\n\nSimulated: ")
    assert said.verdict.reason[1:] in text
    assert "| nudge_checkout |" in text
    figures = json.loads((tmp_path / "gate" / "report.json").read_text())
    assert figures["simulated"] is True
    assert figures["verdict"] == "passed"
    assert (tmp_path / "gate" / "report.png").read_bytes().startswith(b"\x89PNG")
