"""Figures of the policy gate: values of candidate and incumbent on the same decisions, and the difference."""

from dataclasses import dataclass
from typing import NamedTuple

from trainer.off_policy.cross_fitting import cross_fitted
from trainer.off_policy.estimators import Terms, doubly_robust
from trainer.off_policy.intervals import Estimate, PairedDifference, Single, normal
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.off_policy.policy_evidence import evidence
from trainer.off_policy.resampling_units import Units
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_gate.session_estimates import SessionEstimates


class Measured(NamedTuple):
    """An estimate and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyFigures:
    """Doubly robust estimates, per decision or (where the log has trajectories) per session.

    `effective` is the effective number of decisions or sessions of the candidate's weights.
    """

    candidate: Measured
    incumbent: Measured
    difference: Measured
    effective: float
    decisions: int
    visitors: int
    unit: str


def measure(
    logged: LoggedDecisions,
    candidate: EvaluatedPolicy,
    incumbent: EvaluatedPolicy,
    settings: PolicyGateSettings,
) -> PolicyFigures:
    """Estimates of both policies from one log; intervals are by visitor. Policies have been checked."""
    if logged.trajectory is None:
        unit, terms = "decision", _decision_terms(logged, (candidate, incumbent), settings.model)
        units = Units.of(logged.visitor, len(logged))
    else:
        sessions = SessionEstimates(logged, settings.model)
        unit, terms = "session", [sessions.terms(one) for one in (candidate, incumbent)]
        units = Units.of(None, len(terms[0].numerator))
    first, second = map(Single, terms)
    found = [
        _measured(one, units, settings.level) for one in (first, second, PairedDifference(first, second))
    ]
    return PolicyFigures(
        candidate=found[0],
        incumbent=found[1],
        difference=found[2],
        effective=terms[0].effective,
        decisions=len(logged),
        visitors=units.count,
        unit=unit,
    )


def _measured(estimate: Estimate, units: Units, level: float) -> Measured:
    interval = normal(estimate, units, level)
    return Measured(float(estimate.value), float(interval.low), float(interval.high))


def _decision_terms(
    logged: LoggedDecisions, policies: tuple[EvaluatedPolicy, ...], model: str
) -> list[Terms]:
    expected = cross_fitted(logged, model).expected
    found = [evidence(one, logged, one.probabilities(logged), expected) for one in policies]
    return [doubly_robust(one) for one in found]
