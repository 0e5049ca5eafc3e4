"""A candidate on the log's own contexts: does it keep masks, and what would its actions cost?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.decisions.actions import ActionSet
from models.durations import DAY_MS
from trainer.off_policy.logged_decisions import LoggedDecisions

Floats = NDArray[np.float64]


class Overspent(NamedTuple):
    """An action whose expected cost on a day of the log exceeds its budget of a day."""

    action: str
    expected: float
    budget: float


class ConstraintReplay(NamedTuple):
    """Of one policy: decisions in which a masked action has a probability above 0, the expected cost of a
    decision (currency units), and budgets that it would exhaust before a day is over.
    """

    masked: int
    cost: float
    overspent: tuple[Overspent, ...]


def replay(logged: LoggedDecisions, probabilities: Floats, actions: ActionSet | None) -> ConstraintReplay:
    """Replay a policy of `probabilities` [n, k]; without an action set nothing costs anything."""
    masked = int(((probabilities > 0) & ~logged.mask).any(axis=1).sum())
    if actions is None:
        return ConstraintReplay(masked, 0.0, ())
    found = {action.name: action for action in actions.actions}
    costs = np.array([found[name].cost or 0.0 if name in found else 0.0 for name in logged.actions])
    spent = probabilities * costs
    return ConstraintReplay(masked, float(spent.sum(axis=1).mean()), _overspent(logged, spent, actions))


def _overspent(logged: LoggedDecisions, spent: Floats, actions: ActionSet) -> tuple[Overspent, ...]:
    """By action, on its most expensive day. Flights and budgets in whole are the allocator's to keep."""
    if logged.ts is None:
        return ()
    days = np.unique(logged.ts // DAY_MS, return_inverse=True)[1]
    over = []
    for action in actions.actions:
        if action.budget_per_day is None or action.name not in logged.actions:
            continue
        most = float(np.bincount(days, spent[:, logged.actions.index(action.name)]).max())
        if most > action.budget_per_day:
            over.append(Overspent(action.name, most, action.budget_per_day))
    return tuple(over)
