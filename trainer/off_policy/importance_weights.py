"""Importance weights of logged decisions, and how far a log can carry an estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.logged_decisions import LoggedDecisions

Floats = NDArray[np.float64]


def importance_weights(logged: LoggedDecisions, probabilities: Floats) -> Floats:
    """How much likelier the logged action is under a policy of `probabilities` [n, k], float64 [n]."""
    chosen: Floats = np.take_along_axis(probabilities, logged.action[:, None], axis=1)[:, 0]
    return chosen / logged.propensity


def clipped(weights: Floats, most: float) -> Floats:
    """Weights of at most `most` (Ionides 2008)."""
    return np.minimum(weights, most)


def switched(weights: Floats, most: float) -> Floats:
    """Weights above `most` become 0, so that the reward model alone speaks (Wang, Agarwal, Dudik 2017)."""
    return np.where(weights <= most, weights, 0.0)


def shrunk(weights: Floats, strength: float) -> Floats:
    """Optimistic shrinkage (Su et al. 2020): w l / (w^2 + l); `strength` l of infinity leaves weights."""
    if np.isinf(strength):
        return weights
    if strength == 0:
        return np.zeros_like(weights)
    return weights * strength / (weights**2 + strength)


def effective_size(weights: Floats) -> float:
    """Decisions that would tell as much if all counted alike (Kish 1965): (sum w)^2 / sum w^2; 0 for none."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


@dataclass(frozen=True)
class Overlap:
    """Whether logged decisions resemble those of the policy.

    decisions, effective: count, and effective sample size of the weights.
    largest_weight, largest_share: the largest weight, and its share of the sum.
    unmatched: share of the decisions whose action the policy would never take.
    uncovered: mean probability of the policy for actions that the log has nowhere.
    mean_weight, deviation: mean of the weights, which is 1 but for chance where the log has all that the
    policy does and propensities are right; and its distance from 1 in standard errors.
    """

    decisions: int
    effective: float
    largest_weight: float
    largest_share: float
    unmatched: float
    uncovered: float
    mean_weight: float
    deviation: float


def overlap(logged: LoggedDecisions, probabilities: Floats, weights: Floats) -> Overlap:
    """See `Overlap`. `weights` are those of the decisions, [n]."""
    seen = np.bincount(logged.action, minlength=len(logged.actions)) > 0
    total, spread = float(weights.sum()), float(weights.std(ddof=1)) if len(weights) > 1 else 0.0
    mean = float(weights.mean())
    error = spread / np.sqrt(len(weights))
    return Overlap(
        decisions=len(logged),
        effective=effective_size(weights),
        largest_weight=float(weights.max()),
        largest_share=float(weights.max()) / total if total else 0.0,
        unmatched=float((weights == 0).mean()),
        uncovered=float(probabilities[:, ~seen].sum(axis=1).mean()),
        mean_weight=mean,
        deviation=(mean - 1) / error if error > 1e-12 else 0.0,
    )


#: Below these, and beyond this many standard errors, a log says too little.
ENOUGH, FEW_SHARE, STANDARD_ERRORS, ONE_DECISION = 100.0, 0.01, 3.0, 0.1


def doubts(found: Overlap) -> list[str]:
    """What speaks against an estimate, one sentence each; empty: nothing."""
    said = []
    if found.effective < max(ENOUGH, FEW_SHARE * found.decisions):
        said.append(
            f"The weights leave {found.effective:,.0f} effective decisions of {found.decisions:,}: "
            "too few for a narrow interval."
        )
    if found.uncovered > 0:
        said.append(
            f"The policy takes actions that the log has nowhere with a probability of "
            f"{found.uncovered:.3f}: only a reward model speaks of them."
        )
    if abs(found.deviation) > STANDARD_ERRORS:
        said.append(
            f"The mean weight is {found.mean_weight:.3f}, {abs(found.deviation):.1f} standard errors from 1: "
            "propensities are wrong, or the log lacks what the policy does."
        )
    if found.largest_share > ONE_DECISION:
        said.append(f"One decision has {found.largest_share:.0%} of all weight.")
    return said
