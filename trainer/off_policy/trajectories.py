"""Decisions in the order of their steps: which follows which, and sums of rewards over steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import PathcastError
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.resampling_units import Units

Floats = NDArray[np.float64]
#: Numbers of a Q function; beyond this its fit takes minutes and gigabytes.
MOST_NUMBERS = 3000
#: Up to this many numbers, products of two columns have columns of their own.
_PAIRED = 400
#: Steps with a column of their own; later ones share the last.
STEPS = 10


@dataclass(frozen=True)
class OrderedSteps:
    """Decisions sorted by trajectory and step.

    order: positions in the log [n]. following: position (in this order) of the next decision of the
    trajectory, -1 after the last [n]. first: the first decisions [trajectories]. units: trajectories.
    one_hot: the logged actions as float64 [n, k]. reward [n] is in this order.
    """

    order: NDArray[np.int64]
    following: NDArray[np.int64]
    first: NDArray[np.int64]
    units: Units
    one_hot: Floats
    reward: Floats

    def chosen(self, probabilities: Floats) -> Floats:
        """Distributions [n, k] in the order of the steps; those that are in it already stay."""
        return probabilities if probabilities is self.one_hot else probabilities[self.order]

    def returns(self, reward: Floats, gamma: float) -> Floats:
        """Discounted sum of rewards of each trajectory, [trajectories]; `reward` is in the log's order."""
        at = np.arange(len(self.order)) - self.first[self.units.unit]
        return self.units.sums(reward[self.order] * gamma**at)


def steps_of(logged: LoggedDecisions, seed: int = 0) -> OrderedSteps:
    """Sort decisions by trajectory, then by step, else by time. Raises PathcastError without trajectories."""
    if logged.trajectory is None:
        raise PathcastError("the log has no trajectories: name their column by --map trajectory=COLUMN")
    place = logged.step if logged.step is not None else logged.ts
    place = np.arange(len(logged)) if place is None else place
    order = np.lexsort((place, logged.trajectory)).astype(np.int64)
    units = Units.of(logged.trajectory[order], len(logged), seed)
    same = units.unit[1:] == units.unit[:-1]
    following = np.where(np.append(same, False), np.arange(1, len(order) + 1), -1).astype(np.int64)
    one_hot = np.zeros((len(order), len(logged.actions)))
    one_hot[np.arange(len(order)), logged.action[order]] = 1.0
    first = np.flatnonzero(np.append(True, ~same)).astype(np.int64)
    return OrderedSteps(order, following, first, units, one_hot, logged.reward[order])


def features(logged: LoggedDecisions) -> Floats:
    """A constant, the context, the number of the step and, where they are few, products of the columns.

    Trajectories end, so the same context is worth less the later it is; how much less depends on the context.
    Rows are in the order of the steps.
    Raises PathcastError if it is too wide.
    """
    steps, actions = steps_of(logged), len(logged.actions)
    context = logged.encoded.values[steps.order]
    at = np.minimum(np.arange(len(logged)) - steps.first[steps.units.unit], STEPS)
    numbered = np.eye(STEPS + 1)[at][:, 1 : int(at.max()) + 1]
    found = np.column_stack([np.ones(len(logged)), context, numbered])
    within = np.triu_indices(context.shape[1], 1)
    room = _PAIRED // actions - found.shape[1] - len(within[0])
    if room >= 0:
        paired = [found, context[:, within[0]] * context[:, within[1]]]
        if room >= context.shape[1] * numbered.shape[1]:
            paired.append((context[:, :, None] * numbered[:, None, :]).reshape(len(logged), -1))
        return np.column_stack(paired)
    if found.shape[1] * actions > MOST_NUMBERS:
        raise PathcastError(
            f"fqe would fit {found.shape[1]:,} columns for each of {actions} actions; expected at most "
            f"{MOST_NUMBERS:,} numbers together: name fewer columns by --context, or leave fqe out by "
            "--estimators"
        )
    return found
