"""Reports on policies: values of all estimators, segments, comparisons, refused policies."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.errors import PathcastError
from trainer.off_policy.fixed_policies import Always, Logging, Uniform
from trainer.off_policy.policy_evidence import PolicyError, with_actions
from trainer.policy_reports.policy_comparison import comparison, sentence
from trainer.policy_reports.policy_value import EvaluationSettings, PolicyJudge, report
from trainer.policy_reports.value_segments import by_segment

ONE_STEP = ("dm", "ips", "ips_clipped", "snips", "dr", "switch_dr", "dros")


def _judge(bandit, seed=0, count=4000, **settings):
    made = bandit(seed, count)
    return made, PolicyJudge(made.logged, EvaluationSettings(**settings), made.means)


def test_every_estimator_has_value_bounds_and_size(bandit):
    made, judge = _judge(bandit)
    found = json.loads(json.dumps(report(judge, judge.judge(made.policy)), allow_nan=False))
    for name in ONE_STEP:
        figures = found[name]
        assert figures["low"] <= figures["value"] <= figures["high"]
        assert figures["value"] == pytest.approx(made.truth, abs=0.05)
        assert 0 < figures["ess"] <= 4000
        narrow, wide = figures["intervals"]["normal"], figures["intervals"]["bernstein"]
        assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert found["decisions"] == 4000
    assert found["policy"] == "new"
    assert found["doubts"] == []
    assert found["reward_model"]["model"] == "given"


def test_the_logging_policy_has_the_mean_reward_by_every_estimator(bandit):
    made = bandit(0, 4000)
    for logged in (made.logged, replace(made.logged, probabilities=None)):
        own = PolicyJudge(logged, EvaluationSettings())
        found = report(own, own.judge(Logging()))
        for name in ONE_STEP[1:]:
            assert found[name]["value"] == pytest.approx(made.logged.reward.mean())
            assert found[name]["ess"] == pytest.approx(4000)
        assert found["on_policy"]["value"] == pytest.approx(made.logged.reward.mean())


def test_a_fixed_action_is_valued_and_avoids_what_is_not_allowed(bandit):
    made, judge = _judge(bandit)
    found = report(judge, judge.judge(Always("nudge")))
    truth = 0.35 * 0.5 + 0.15 * 0.1 + 0.35 * 0.2 + 0.15 * 0.3
    assert found["dr"]["low"] < truth < found["dr"]["high"]
    mask = np.ones((4000, 4), dtype=np.bool_)
    mask[:, 3] = False
    mask[0] = [True, True, False, False]
    masked = replace(made.logged, allowed=mask)
    chances = Always("nudge").probabilities(masked)
    assert chances[0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert chances[1].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert Uniform().probabilities(masked)[1].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])


def test_differences_are_paired_and_said_in_words(bandit):
    made, judge = _judge(bandit)
    first, second = judge.judge(made.policy), judge.judge(Logging())
    found = json.loads(json.dumps(comparison(judge, first, second), allow_nan=False))
    for name in ONE_STEP:
        assert found[name]["value"] == pytest.approx(found["a"][name]["value"] - found["b"][name]["value"])
    assert found["dr"]["low"] > 0
    assert sentence(found).startswith("new is better than logging (by dr, 95% interval ")
    turned = comparison(judge, second, first)
    assert turned["dr"]["value"] == pytest.approx(-found["dr"]["value"])
    assert sentence(turned).startswith("new is better than logging")
    same = comparison(judge, first, first)
    assert "does not tell new and new apart" in sentence(same)


def test_segments_divide_all_decisions(bandit):
    made, judge = _judge(bandit)
    judged = judge.judge(made.policy)
    for column, labels in (("device", {"desktop", "mobile"}), ("spend", {"0 to below 1", "1"})):
        rows = by_segment(judge, judged, column)
        assert sum(row["decisions"] for row in rows) == 4000
        assert all(row["low"] < row["value"] < row["high"] for row in rows)
        assert {row["segment"] for row in rows} == labels or column == "spend"
    with pytest.raises(PathcastError, match="expected a column of the context, which are spend, device"):
        by_segment(judge, judged, "country")


def test_no_overlap_is_said_and_has_no_interval(bandit):
    made = bandit(0, 300)
    part = with_actions(made.logged, ["brand_new"])
    judge = PolicyJudge(part, EvaluationSettings())
    found = json.loads(json.dumps(report(judge, judge.judge(Always("brand_new"))), allow_nan=False))
    assert found["snips"]["value"] is None
    assert found["snips"]["low"] is None
    assert found["ips"]["value"] == 0.0
    assert found["ips"]["ess"] == 0.0
    assert found["overlap"]["unmatched"] == 1.0
    assert any("nowhere with a probability of 1.000" in said for said in found["doubts"])


def test_policies_without_a_distribution_and_unknown_estimators_are_refused(bandit):
    made, judge = _judge(bandit, count=50)
    wrong = made.policy.matrix.copy()
    wrong[7] *= 0.5
    with pytest.raises(PolicyError, match=r"gave decision 8 probabilities .* sum to 1"):
        judge.judge(type(made.policy)("odd", wrong))
    with pytest.raises(PolicyError, match="probabilities of the shape"):
        judge.judge(type(made.policy)("odd", wrong[:, :2]))
    unknown = np.full_like(wrong, np.nan)
    with pytest.raises(PolicyError, match="correct the policy"):
        judge.judge(type(made.policy)("odd", unknown))
    with pytest.raises(PolicyError, match="'best' is no estimator; expected all, or some of dm, ips"):
        PolicyJudge(made.logged, EvaluationSettings(estimators=("best",)), made.means)
    with pytest.raises(PolicyError, match="fqe follows decisions over steps"):
        PolicyJudge(made.logged, EvaluationSettings(estimators=("fqe",)), made.means)
