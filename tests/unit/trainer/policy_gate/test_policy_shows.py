"""Short forms of the shows of `python -m tests.bench.policy_simulation`."""

from tests.bench.policy_simulation import dqn_show, gate_show, regret_show
from tests.bench.policy_simulation.learners import learner
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings


def test_dqn_learns_from_an_epsilon_greedy_log_to_beat_it() -> None:
    learners = {"conservative": learner("dqn", horizon=3), "plain": learner("dqn", horizon=3, alpha=0.0)}
    found = [dqn_show.trained(learners, seed, 2_000) for seed in (0, 1)]
    for name, row in dqn_show.summary(found).items():
        assert row["beats logging"] == 1.0, name
    assert all(one.logging < one.rules < one.optimum for one in found)


def test_the_gate_promotes_what_is_better_and_not_what_learned_from_shuffled_rewards() -> None:
    found = gate_show.judgements(
        learner("uplift"), range(2), 50_000, False, PolicyGateSettings(model="means")
    )
    assert all(one.better for one in found if one.promoted)
    assert any(one.promoted for one in found)
    assert not any(one.promoted for one in found if one.shuffled)


def test_regret_falls_while_a_policy_learns() -> None:
    found = regret_show.regrets({"rules": None, "thompson": learner("thompson")}, 0, 6, 2_000)
    assert len(set(found["rules"])) == 1
    assert found["thompson"][-1] < 0.7 * found["thompson"][0]
