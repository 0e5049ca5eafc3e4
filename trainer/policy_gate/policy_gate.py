"""Judges a candidate policy against the incumbent on logged decisions."""

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.decisions.actions import ActionSet
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.policy_gate.constraint_replay import replay
from trainer.policy_gate.policy_figures import measure
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_gate.policy_verdict import PolicyVerdict, verdict

Floats = NDArray[np.float64]


class PolicyGateReport(NamedTuple):
    """The verdict, and its figures as JSON has them."""

    verdict: PolicyVerdict
    figures: dict[str, Any]


def judge(
    logged: LoggedDecisions,
    candidate: EvaluatedPolicy,
    incumbent: EvaluatedPolicy,
    actions: ActionSet | None,
    settings: PolicyGateSettings,
) -> PolicyGateReport:
    """Judge on decisions that the candidate has not learned from.

    `incumbent` may be the policy that wrote the log (`fixed_policies.Logging`); `actions` has costs and
    budgets. A log with trajectories is judged by session, another by decision. Raises PathcastError where a
    policy cannot be evaluated.
    """
    names = candidate.name, incumbent.name
    shares = [one.probabilities(logged) for one in (candidate, incumbent)]
    replays = [replay(logged, one, actions) for one in shares]
    figures = measure(logged, candidate, incumbent, settings)
    said = verdict(figures, replays[0], replays[1], settings)
    found = {
        "candidate": names[0],
        "incumbent": names[1],
        "verdict": "passed" if said.passed else "refused",
        "reason": said.reason,
        "level": settings.level,
        "estimates": asdict(figures),
        "replay": {role: one._asdict() for role, one in zip(_ROLES, replays, strict=True)},
        "actions": _shares(logged, shares),
    }
    return PolicyGateReport(said, found)


_ROLES = ("candidate", "incumbent")


def _shares(logged: LoggedDecisions, shares: list[Floats]) -> dict[str, dict[str, float]]:
    """Mean probability of each action in the log's contexts, by policy, and how often it was taken."""
    taken = np.bincount(logged.action, minlength=len(logged.actions)) / len(logged)
    means = [one.mean(axis=0).tolist() for one in shares]
    return {
        name: {"candidate": means[0][at], "incumbent": means[1][at], "logged": float(taken[at])}
        for at, name in enumerate(logged.actions)
    }
