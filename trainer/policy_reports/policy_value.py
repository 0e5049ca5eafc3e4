"""The value of a policy on logged decisions by all estimators, with what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.cross_fitting import AUTO, FOLDS, Fitted, cross_fitted
from trainer.off_policy.estimators import ESTIMATORS, Evidence, Terms
from trainer.off_policy.fitted_q import FQE, FittedQ, fitted_q
from trainer.off_policy.importance_weights import Overlap, doubts, overlap
from trainer.off_policy.intervals import INTERVALS, Estimate, IntervalBounds, Single
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.off_policy.policy_evidence import PolicyError, evidence, probabilities_of
from trainer.off_policy.resampling_units import Units

#: The estimator that sentences and segments quote.
HEADLINE: Final = "dr"


@dataclass(frozen=True)
class EvaluationSettings:
    """How policies are evaluated.

    estimators: names of `estimators.ESTIMATORS`, `fqe`, or all of them where left out. interval: a name of
    `intervals.INTERVALS`, at `level`. reward_model: a name of `reward_models.REWARD_MODELS`, or `auto`.
    gamma: discount of a step for `fqe`.
    """

    estimators: tuple[str, ...] = ()
    interval: str = "bootstrap"
    level: float = 0.95
    reward_model: str = AUTO
    folds: int = FOLDS
    gamma: float = 0.95
    seed: int = 0


DEFAULTS: Final = EvaluationSettings()


@dataclass(frozen=True)
class Judged:
    """A policy on a log: the terms of each estimator, from which values and differences are made."""

    name: str
    evidence: Evidence
    terms: Mapping[str, Terms]
    overlap: Overlap
    doubts: Sequence[str]
    fqe: FittedQ | None


class PolicyJudge:
    """Evaluates policies on one log with one reward model, so that differences between them are paired.

    `expected` float64 [n, k] gives mean rewards of one's own; None: a reward model is fitted. Raises
    PolicyError for estimators that the log is not fit for.
    """

    def __init__(
        self,
        logged: LoggedDecisions,
        settings: EvaluationSettings = DEFAULTS,
        expected: NDArray[np.float64] | None = None,
    ) -> None:
        self.logged, self.settings = logged, settings
        self.names = chosen_estimators(settings.estimators, logged.trajectory is not None)
        self.model = (
            cross_fitted(logged, settings.reward_model, settings.folds, settings.seed)
            if expected is None
            else Fitted(expected, "given", {})
        )
        self.units = Units.of(logged.visitor, len(logged), settings.seed)

    def judge(self, policy: EvaluatedPolicy) -> Judged:
        """The policy by all chosen estimators. Raises PolicyError for one that gives no distributions."""
        probabilities = probabilities_of(policy, self.logged)
        given = evidence(policy, self.logged, probabilities, self.model.expected)
        found = overlap(self.logged, probabilities, given.weights)
        terms = {name: ESTIMATORS[name](given) for name in self.names if name != FQE}
        fqe = fitted_q(policy.name, self.logged, probabilities, self.settings) if FQE in self.names else None
        return Judged(policy.name, given, terms, found, doubts(found), fqe)

    def interval(self, estimate: Estimate, units: Units | None = None, kind: str = "") -> IntervalBounds:
        """Its interval, of the settings' kind unless another is named."""
        make = INTERVALS[kind or self.settings.interval]
        return make(estimate, units or self.units, self.settings.level)

    def figures(self, terms: Terms) -> dict[str, Any]:
        """`value`, `low`, `high`, `ess` and the bounds of every kind of interval.

        `biased`: the bounds leave out the bias of a model, or of weights that are made smaller.
        """
        estimate = Single(terms)
        bounds = {kind: self.interval(estimate, kind=kind) for kind in INTERVALS}
        chosen = bounds[self.settings.interval]
        return {
            "value": known(terms.value),
            "low": known(chosen.low),
            "high": known(chosen.high),
            "ess": terms.effective,
            "biased": terms.is_biased,
            "strength": None if terms.strength is None else known(terms.strength),
            "intervals": {kind: [known(one.low), known(one.high)] for kind, one in bounds.items()},
        }


def chosen_estimators(names: Sequence[str], sequential: bool) -> tuple[str, ...]:
    """The estimators to use; none named: all that the log is fit for. Raises PolicyError."""
    every = (*ESTIMATORS, FQE)
    if unknown := [name for name in names if name not in every]:
        raise PolicyError(f"{unknown[0]!r} is no estimator; expected all, or some of {', '.join(every)}")
    if FQE in names and not sequential:
        raise PolicyError(
            "fqe follows decisions over steps, but the log has no column of trajectories; name it by --map "
            "trajectory=COLUMN and --map step=COLUMN, or leave fqe out"
        )
    return tuple(names) or (every if sequential else tuple(ESTIMATORS))


def known(number: float) -> float | None:
    """A number for JSON, which has no NaN and no infinity."""
    return float(number) if np.isfinite(number) else None


def report(judge: PolicyJudge, judged: Judged) -> dict[str, Any]:
    """What `pathcast policy evaluate` writes: ESTIMATOR.{value,low,high,ess}, and what is to know of them."""
    logged = judge.logged
    found: dict[str, Any] = {name: judge.figures(terms) for name, terms in judged.terms.items()}
    if judged.fqe is not None:
        found[FQE] = judged.fqe.figures()
    on_policy = judge.figures(mean_reward(logged))
    return found | {
        "policy": judged.name,
        "decisions": len(logged),
        "visitors": None if logged.visitor is None else judge.units.count,
        "actions": list(logged.actions),
        "on_policy": on_policy,
        "interval": {"kind": judge.settings.interval, "level": judge.settings.level},
        "reward_model": {"model": judge.model.model, "squared_error": judge.model.error},
        "overlap": asdict(judged.overlap),
        "doubts": list(judged.doubts),
        "seed": judge.settings.seed,
    }


def mean_reward(logged: LoggedDecisions) -> Terms:
    """The mean reward of the log itself."""
    ones = np.ones(len(logged))
    return Terms(logged.reward, ones, ones)
