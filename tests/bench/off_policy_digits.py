"""How far estimates are from the truth: the digits protocol of the Open Bandit Pipeline.

    python -m tests.bench.off_policy_digits --repetitions 200

The protocol is examples/multiclass of st-tech/zr-obp. Classification becomes bandit feedback: an action is a
digit, its reward is 1 if it is right. The logging policy mixes a logistic regression with chance, the other
one a random forest, so its true value on the evaluation part is known. Published figures are of 30
repetitions with a reward model of 30 boosted trees (`--model published`).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from trainer.off_policy.cross_fitting import folds_of, held_out
from trainer.off_policy.intervals import INTERVALS, Single
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.reward_models import Floats, RewardRows, mean_of
from trainer.policy_reports.policy_value import EvaluationSettings, PolicyJudge

#: Relative estimation errors of examples/multiclass/README.md in st-tech/zr-obp.
PUBLISHED = {"dm": 0.4365, "ips": 0.0303, "snips": 0.0228, "dr": 0.0162, "switch_dr": 0.0347, "dros": 0.0159}
#: Shares of chance: 1 - alpha of the protocol.
LOGGING_CHANCE, EVALUATED_CHANCE = 0.6, 0.1


@dataclass(frozen=True)
class Given:
    """A policy of probabilities that are known."""

    name: str
    matrix: Floats

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        return self.matrix


@dataclass(frozen=True)
class Case:
    """One repetition: a log, the evaluated policy, its true value on the contexts of the log."""

    logged: LoggedDecisions
    policy: Given
    truth: float


class PublishedModel:
    """The reward model of the published figures: 30 boosted trees on the context and the action, one-hot."""

    def __init__(self, given: RewardRows) -> None:
        self._actions = given.actions
        shape = {"n_estimators": 30, "learning_rate": 0.01, "max_depth": 5, "min_samples_leaf": 10}
        model = GradientBoostingClassifier(**shape, random_state=12345)
        self._model = model.fit(self._rows(given.context, given.action), given.reward)

    def expected(self, context: Floats) -> Floats:
        every = [np.full(len(context), action) for action in range(self._actions)]
        return np.column_stack([mean_of(self._model, self._rows(context, one)) for one in every])

    def _rows(self, context: Floats, action: NDArray[np.int64]) -> Floats:
        return np.hstack([context, np.eye(self._actions)[action]])


def case(number: int, resample: bool) -> Case:
    """Repetition `number`. With `resample` the log is drawn from the evaluation part with replacement: then
    the true value is that of a population, which intervals are about.
    """
    pixels, digits = load_digits(return_X_y=True)
    fit_x, held_x, fit_y, held_y = train_test_split(pixels, digits, test_size=0.7, random_state=number)
    random = np.random.default_rng(number)
    logging = LogisticRegression(max_iter=10000, C=100, random_state=12345).fit(fit_x, fit_y)
    forest = {"n_estimators": 30, "max_depth": 5, "min_samples_leaf": 10, "random_state": 12345}
    evaluated = RandomForestClassifier(**forest).fit(fit_x, fit_y)
    chances = _mixed(logging.predict(held_x), LOGGING_CHANCE)
    under = _mixed(evaluated.predict(held_x), EVALUATED_CHANCE)
    truth = float(under[np.arange(len(held_y)), held_y].mean())
    rows = random.integers(len(held_y), size=len(held_y)) if resample else np.arange(len(held_y))
    action = (chances[rows].cumsum(axis=1) > random.random(len(rows))[:, None]).argmax(axis=1)
    logged = LoggedDecisions(
        actions=tuple(map(str, range(10))),
        action=action.astype(np.int64),
        propensity=chances[rows, action],
        reward=(action == held_y[rows]).astype(np.float64),
        context=pl.DataFrame(held_x[rows], schema=[f"pixel_{at}" for at in range(held_x.shape[1])]),
        probabilities=chances[rows],
    )
    return Case(logged, Given("forest", under[rows]), truth)


def _mixed(best: NDArray[np.int64], chance: float) -> Floats:
    found = np.full((len(best), 10), chance / 10)
    found[np.arange(len(best)), best] += 1 - chance
    return found


@dataclass(frozen=True)
class Repetition:
    """Reward model, relative error by estimator, and whether its interval of each kind holds the truth."""

    model: str
    error: dict[str, float]
    covered: dict[str, dict[str, bool]]


def repetition(number: int, model: str, resample: bool) -> Repetition:
    """One repetition with a reward model of the library, or `published`."""
    made = case(number, resample)
    logged = made.logged
    expected = None
    if model == "published":
        fold = folds_of(logged, 3, 12345)
        assert fold is not None
        expected = held_out(logged, PublishedModel, fold)
    settings = EvaluationSettings(seed=number, reward_model="auto" if model == "published" else model)
    judge = PolicyJudge(logged, settings, expected)
    terms = judge.judge(made.policy).terms
    error = {name: abs(one.value - made.truth) / made.truth for name, one in terms.items()}
    covered = {}
    for kind in INTERVALS:
        bounds = {name: judge.interval(Single(one), kind=kind) for name, one in terms.items()}
        covered[kind] = {name: bool(one.low <= made.truth <= one.high) for name, one in bounds.items()}
    return Repetition(judge.model.model, error, covered)


def summary(found: Sequence[Repetition], interval: str) -> dict[str, dict[str, float]]:
    """By estimator: mean error with its standard error, and the share of covering intervals."""
    said = {}
    for name in found[0].error:
        errors = np.array([one.error[name] for one in found])
        covered = float(np.mean([one.covered[interval][name] for one in found]))
        said[name] = {
            "error": float(errors.mean()),
            "standard_error": float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else 0.0,
            "published": PUBLISHED.get(name, float("nan")),
            "coverage": covered,
        }
    return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first repetition")
    parser.add_argument("--model", default="linear", help="of the library, or published")
    parser.add_argument("--interval", default="bootstrap", choices=list(INTERVALS))
    parser.add_argument(
        "--resample", action="store_true", help="draw each log from a population, which intervals are about"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    found = []
    for number in range(given.first, given.first + given.repetitions):
        found.append(repetition(number, given.model, given.resample))
        if len(found) % 20 == 0:
            print(f"{len(found)} of {given.repetitions}", flush=True)
    figures: dict[str, Any] = summary(found, given.interval)
    print(f"{'estimator':12} {'error':>8} {'+/-':>7} {'published':>9} {'coverage':>8}")
    for name, one in figures.items():
        row = [one[key] for key in ("error", "standard_error", "published", "coverage")]
        print(f"{name:12} {row[0]:8.4f} {row[1]:7.4f} {row[2]:9.4f} {row[3]:8.3f}")
    if given.json:
        document = {"summary": figures, "repetitions": [asdict(one) for one in found]}
        given.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
