"""The Open Bandit sample: both directions, where the data is there."""

import numpy as np
import pytest

from tests.bench.open_bandit import DATA, AveragePolicy, directions, read
from trainer.off_policy.intervals import Single
from trainer.policy_reports.policy_value import EvaluationSettings, PolicyJudge

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the Open Bandit sample is not there: expected it in {DATA}"
)


def test_logs_are_read_whole_with_position_as_context():
    logged = read(DATA, "random", "men")
    assert len(logged) == 10_000
    assert len(logged.actions) == 34
    assert logged.reward.sum() == 46
    assert np.allclose(logged.propensity, 1 / 34, atol=1e-6)
    assert set(logged.context["position"]) == {"1", "2", "3"}


def test_mean_probabilities_are_distributions_that_match_how_often_items_were_shown():
    logged = read(DATA, "bts", "men")
    policy = AveragePolicy.of("bts", logged)
    shares = policy.probabilities(logged)
    assert np.allclose(shares.sum(axis=1), 1)
    shown = np.bincount(logged.action, minlength=34) / len(logged)
    assert np.corrcoef(shares.mean(axis=0), shown)[0, 1] > 0.98


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_intervals_hold_the_clicks_of_the_other_log(campaign):
    for _, logged, own, policy in directions(DATA, campaign):
        settings = EvaluationSettings(reward_model="means", interval="normal", estimators=("snips", "dr"))
        judge = PolicyJudge(logged, settings)
        for terms in judge.judge(policy).terms.values():
            found = judge.interval(Single(terms))
            assert found.low <= own.reward.mean() <= found.high
