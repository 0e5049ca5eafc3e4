"""Every kind of policy finds what is known to be best, from logs alone."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.policies.action_features import ActionFeatures
from models.policies.learned_policy import LearnedPolicy, for_names, load
from models.policies.policy_files import read
from tests.unit.trainer.policies.logs import ACTIONS, bandit, corridor
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies.fit_columns import ColumnsError
from trainer.policies.learning_data import PolicyTrainingError, columns_by_name, encoded
from trainer.policies.policy_settings import PolicySettings, with_settings
from trainer.policies.posterior import fit_posterior
from trainer.policies.train_policy import KINDS, train, update

LOG, _ = bandit(6000)
FRESH, TRUTH = bandit(3000, seed=1)
QUICK = PolicySettings(horizon=1, alpha=0.05)


def probabilities(policy: LearnedPolicy, log: LoggedDecisions) -> np.ndarray:
    return policy.probabilities(policy.encode(columns_by_name(log.context)), log.mask)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("rules", "uniform", "mixture")])
def test_a_learned_policy_is_worth_more_than_any_fixed_action(kind: str) -> None:
    policy = load(train(LOG, kind, QUICK))
    value = (probabilities(policy, FRESH) * TRUTH).sum(axis=1).mean()
    best, fixed = TRUTH.max(axis=1).mean(), TRUTH.mean(axis=0).max()
    assert value > fixed + 0.8 * (best - fixed)


def test_a_mixture_is_its_parts_by_weight() -> None:
    parts = {"softmax": 3.0, "uniform": 1.0}
    mixed = probabilities(load(train(LOG, "mixture", replace(QUICK, parts=parts))), FRESH)
    alone = probabilities(load(train(LOG, "softmax", QUICK)), FRESH)
    assert np.allclose(mixed, 0.75 * alone + 0.25 / len(ACTIONS))


@pytest.mark.parametrize("kind", ["softmax", "dqn", "mixture"])
def test_the_same_log_and_seed_give_the_same_files(kind: str) -> None:
    assert train(LOG, kind, QUICK) == train(LOG, kind, QUICK)


@pytest.mark.parametrize("kind", ["thompson", "ucb", "mixture"])
def test_an_update_equals_a_training_on_everything(kind: str) -> None:
    settings = replace(QUICK, temperature=0.1)
    files, at = train(LOG.rows(np.arange(len(LOG)) < 2000), kind, settings), np.arange(len(LOG))
    parts = [(at >= 2000) & (at < 2700), (at >= 2700) & (at < 4100), at >= 4100]
    once = update(files, LOG.rows(at >= 2000))
    for part in parts:
        files = update(files, LOG.rows(part))
    assert read(files).description.notes["decisions"] == len(LOG)
    description = read(files).description
    data = encoded(LOG, description.columns, description.actions, description.encoding)
    everything = fit_posterior(data).tensors()
    for found in (read(once).of_head(0), read(files).of_head(0)):
        for name, expected in everything.items():
            assert np.allclose(found[name], expected, rtol=1e-8, atol=1e-12), name


def test_a_policy_without_a_posterior_is_not_updated() -> None:
    with pytest.raises(PolicyTrainingError, match="has no posterior"):
        update(train(LOG, "softmax", QUICK), LOG)


def test_looking_ahead_finds_the_reward_that_greed_misses() -> None:
    log = corridor(300)
    ahead = load(train(log, "dqn", PolicySettings(gamma=0.9, horizon=10, alpha=0.05)))
    greedy = load(train(log, "dqn", PolicySettings(gamma=0.0, horizon=1, alpha=0.05)))
    at_start = {"place": ["p0", "p1", "p2", "p3", "p4"]}
    allowed = np.ones((5, 2), dtype=np.bool_)
    assert (ahead.probabilities(ahead.encode(at_start), allowed)[:, 1] > 0.9).all()
    assert (greedy.probabilities(greedy.encode(at_start), allowed)[:4, 1] < 0.1).all()


def test_the_conservative_term_lowers_values_of_actions_that_the_log_lacks() -> None:
    chosen = np.isin(LOG.action, [0, 1])
    seldom = np.random.default_rng(0).random(len(LOG)) < 0.003
    log = LOG.rows(chosen | seldom)
    values = [
        load(train(log, "dqn", PolicySettings(horizon=1, alpha=alpha))).scores(
            load(train(log, "softmax", QUICK)).encode(columns_by_name(log.context))
        )[0]
        for alpha in (0.0, 1.0)
    ]
    gaps = [one[:, 2:].mean() - one[:, :2].mean() for one in values]
    assert gaps[1] < gaps[0] - 0.1


def test_a_new_action_of_a_known_kind_is_no_cold_start() -> None:
    rng = np.random.default_rng(5)
    kinds = {"none": "none", "ad_1": "ad", "ad_2": "ad", "coupon_1": "coupon", "coupon_2": "coupon"}
    features = [ActionFeatures(name, kind) for name, kind in kinds.items()]
    action = rng.integers(5, size=4000)
    pays = np.array([0.0, 0.1, 0.12, 0.9, 0.95])
    context = pl.DataFrame({"x": rng.normal(size=4000)})
    reward = pays[action] + 0.1 * rng.normal(size=4000)
    log = LoggedDecisions(tuple(kinds), action, np.full(4000, 0.2), reward, context)
    for kind in ("softmax", "uplift", "thompson", "ucb", "dqn"):
        content = read(train(log, kind, replace(QUICK, temperature=0.05), features))
        new = [*features, ActionFeatures("ad_3", "ad"), ActionFeatures("coupon_3", "coupon")]
        policy = LearnedPolicy(content, None, features=new)
        rows = policy.encode({"x": [0.0]})
        values = policy.scores(rows)[0][0, : len(new)]
        assert values[6] > values[5] + 0.25, kind
        among_ads = np.array([[True, True, True, False, False, False, True]])
        assert policy.probabilities(rows, among_ads)[0, 6] > 0.9, kind


def test_unknown_actions_of_a_table_are_judged_as_ads() -> None:
    policy = for_names(read(train(LOG, "softmax", QUICK)), ("b", "nothing", "never seen"))
    found = policy.probabilities(policy.encode(columns_by_name(FRESH.context)), np.ones((3000, 3), np.bool_))
    assert policy.none == 1
    assert np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "rules"])
def test_missing_numbers_and_constant_columns_do_not_stop_a_training(kind: str) -> None:
    some = LOG.rows(np.arange(400))
    age = some.context["age"].to_list()
    context = some.context.with_columns(
        pl.Series("age", [None if at % 7 == 0 else one for at, one in enumerate(age)]),
        pl.Series("same", [1.0] * 400),
        pl.Series("void", [None] * 400, dtype=pl.Float64),
    )
    policy = load(train(replace(some, context=context), kind, QUICK))
    assert [one.name for one in policy.columns] == ["age", "device", "noise"]
    found = policy.probabilities(policy.encode({"age": [None], "device": ["tv"], "noise": [np.nan]}), ones(1))
    assert found.sum() == pytest.approx(1)


def ones(rows: int) -> np.ndarray:
    return np.ones((rows, len(ACTIONS)), dtype=np.bool_)


def test_a_log_without_context_is_learned_from() -> None:
    log = replace(LOG, context=pl.DataFrame())
    policy = load(train(log, "thompson", QUICK))
    assert policy.probabilities(policy.encode({}), ones(1)).shape in ((0, 4), (1, 4))


def test_impossible_trainings_are_refused_with_a_reason() -> None:
    few = LOG.rows(np.arange(5))
    with pytest.raises(PolicyTrainingError, match="found 5 decisions"):
        train(few, "softmax")
    with pytest.raises(PolicyTrainingError, match="expected one of softmax"):
        train(LOG, "oracle")
    with pytest.raises(PolicyTrainingError, match="no columns"):
        train(LOG, "rules")
    with pytest.raises(PolicyTrainingError, match="no action named none"):
        train(corridor(20), "uplift")
    wide = pl.DataFrame({f"x{number}": np.arange(100.0) for number in range(65)})
    with pytest.raises(ColumnsError, match="65 columns; expected at most 64"):
        train(replace(LOG.rows(np.arange(100)), context=wide), "softmax")


def test_settings_are_checked_by_name_and_value() -> None:
    assert with_settings(PolicySettings(), [("alpha", "0.5"), ("horizon", "4")]).horizon == 4
    assert with_settings(PolicySettings(), [("part.softmax", "2")]).parts == {"softmax": 2.0}
    with pytest.raises(PolicyTrainingError, match="no such setting"):
        with_settings(PolicySettings(), [("colour", "1")])
    with pytest.raises(PolicyTrainingError, match="a whole number from 1 to 1000"):
        with_settings(PolicySettings(), [("horizon", "1.5")])
    with pytest.raises(PolicyTrainingError, match="from 0 to 1"):
        with_settings(PolicySettings(), [("gamma", "2")])
