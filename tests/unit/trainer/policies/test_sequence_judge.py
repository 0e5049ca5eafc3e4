"""How many backups a deep policy is fitted in is chosen by what its policy is worth over sequences."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.policies.learned_policy import load
from models.policies.policy_files import read
from tests.unit.trainer.policies.logs import bandit, corridor
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies import sequence_judge
from trainer.policies.deep_q import DeepQSettings, Tensors, fit_deep_q
from trainer.policies.learning_data import columns_by_name, learning_data
from trainer.policies.policy_settings import PolicySettings
from trainer.policies.sequence_judge import SequenceJudge, judge_of
from trainer.policies.train_policy import train

LOG = corridor(200)
GAMMA = 0.9


def going(right: float, log: LoggedDecisions) -> np.ndarray:
    return np.tile([1 - right, right], (len(log), 1))


def said(values: list[float], asked: list[Tensors]) -> Callable[[Tensors], float]:
    """A judge that says these values in turn, and notes what it was asked of."""

    def judge(tensors: Tensors) -> float:
        asked.append(tensors)
        return values[len(asked) - 1]

    return judge


def test_the_backup_that_is_worth_most_is_kept_whatever_comes_after() -> None:
    data, asked = learning_data(LOG), list[Tensors]()
    values = [1.0, 3.0, *[2.0] * 10]
    found = fit_deep_q(data, DeepQSettings(GAMMA, 12, 0.05), 0, judge=said(values, asked))
    assert found.backups == 2
    assert len(asked) == 12
    two = fit_deep_q(data, DeepQSettings(GAMMA, 2, 0.05), 0)
    assert all(np.array_equal(found.tensors[name], two.tensors[name]) for name in two.tensors)
    assert not np.array_equal(found.tensors["value"], asked[2]["value"])


@pytest.mark.parametrize(
    ("values", "kept"), [([np.nan] * 4, 4), ([np.nan, 1.0, np.nan, 0.5], 2), ([5.0, np.nan, 5.0, 6.0], 4)]
)
def test_backups_that_cannot_be_valued_do_not_count(values: list[float], kept: int) -> None:
    found = fit_deep_q(learning_data(LOG), DeepQSettings(GAMMA, 4, 0.05, epochs=1), 0, judge=said(values, []))
    assert found.backups == kept


def test_the_judge_knows_which_policy_is_worth_more_over_sequences() -> None:
    judge = judge_of(learning_data(LOG), GAMMA)
    assert judge is not None
    left, right = (judge.value(going(share, LOG)) for share in (0.0, 1.0))
    ten = GAMMA ** np.arange(10)
    assert left == pytest.approx(0.15 * ten.sum(), abs=0.05)
    assert right == pytest.approx(ten[[4, 9]].sum(), abs=0.05)


def test_a_deep_policy_is_trained_in_the_backups_that_it_needs() -> None:
    settings = PolicySettings(gamma=GAMMA, horizon=40, alpha=0.05)
    files = train(LOG, "dqn", settings)
    backups = read(files).description.heads[0].settings["backups"]
    assert 5 <= backups < 40  # the reward is five steps away
    ahead = load(files)
    places = ahead.encode({"place": ["p0", "p1", "p2", "p3", "p4"]})
    assert (ahead.probabilities(places, np.ones((5, 2), np.bool_))[:, 1] > 0.9).all()


def test_logs_without_sequences_or_with_very_many_actions_have_no_judge() -> None:
    single, _ = bandit(100)
    assert judge_of(learning_data(single), GAMMA) is None
    many = replace(LOG, actions=(*LOG.actions, *(f"a{number}" for number in range(300))))
    assert judge_of(learning_data(many), GAMMA) is None


def test_a_wide_context_is_judged_by_its_principal_axes() -> None:
    rng = np.random.default_rng(0)
    noise = {f"n{number}": rng.normal(size=len(LOG)) * 1e-3 for number in range(58)}
    wide = replace(
        LOG,
        actions=(*LOG.actions, *(f"a{number}" for number in range(58))),
        context=LOG.context.with_columns(**{name: pl.Series(column) for name, column in noise.items()}),
    )
    data = learning_data(wide)
    assert sequence_judge.widest_inputs(data) == 39 < data.inputs.shape[1]
    shares = np.pad(going(0.0, wide), ((0, 0), (0, 58)))
    value = SequenceJudge(data, GAMMA).value(shares)
    assert value == pytest.approx(0.15 * (GAMMA ** np.arange(10)).sum(), abs=0.1)


def test_a_long_log_is_judged_on_its_newest_whole_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    better = replace(LOG, reward=np.where(LOG.trajectory >= 150, LOG.reward + 1, LOG.reward))
    data = learning_data(replace(better, ts=np.arange(len(LOG))))
    width = 2 * (data.inputs.shape[1] + 10)
    monkeypatch.setattr(sequence_judge, "_MOST_CELLS", width * 505)
    newest = SequenceJudge(data, GAMMA).value(going(0.0, LOG))
    assert newest == pytest.approx(1.15 * (GAMMA ** np.arange(10)).sum(), abs=0.1)


def test_the_columns_of_the_log_are_those_of_the_policy() -> None:
    policy = load(train(LOG, "dqn", PolicySettings(gamma=GAMMA, horizon=2)))
    assert policy.encode(columns_by_name(LOG.context)).shape == (len(LOG), 1)
