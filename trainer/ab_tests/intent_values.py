"""Values of actions by intent state, learned from logged decisions: `intent_values` of the actions file.

The value of an action in a state is the mean reward with it less that with `none`, each weighted by the
inverse of the propensity (self-normalised). It is drawn to 0 by its own standard error (empirical Bayes over
all actions and states), because a state that hardly occurs must not look best by chance.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import STATES
from models.decisions.actions import ActionSet

Floats = NDArray[np.float64]

#: Fewest decisions of an action in a state; with fewer it has no value of its own.
LEAST: Final = 30
#: Sizes of the variance between effects that are compared.
_TRIED: Final = 161


class LoggedGuidance(NamedTuple):
    """Logged decisions [n]: action and likeliest state as positions, propensity, reward less costs, and the
    actions that constraints left, [n, actions].
    """

    action: NDArray[np.int64]
    state: NDArray[np.int64]
    propensity: Floats
    reward: Floats
    allowed: NDArray[np.bool_]


def intent_values(log: LoggedGuidance, actions: ActionSet) -> dict[str, dict[str, float]]:
    """By action the value in each state, before the action's cost, which the policy subtracts.

    Actions and states with too few decisions are left out.
    """
    names = [(at, one) for at, one in enumerate(actions.actions) if at != actions.none]
    none, states = actions.none, range(len(STATES))
    effects = np.array([[_effect(log, at, none, state) for state in states] for at, _ in names])
    drawn = _drawn(effects[..., 0], effects[..., 1])
    return {
        action.name: {
            STATES[state]: round(float(value) + (action.cost or 0.0), 4)
            for state, value in enumerate(row)
            if np.isfinite(value)
        }
        for (_, action), row in zip(names, drawn, strict=True)
    }


def _effect(log: LoggedGuidance, action: int, none: int, state: int) -> tuple[float, float]:
    """Difference of the means, and its variance; NaN where there are too few decisions.

    Only decisions that could have been `action` count, for `none` as well: where it was not allowed, sessions
    differ.
    """
    asked = (log.state == state) & log.allowed[:, action]
    (mean, noise), (least, other) = (_mean(log, asked & (log.action == one)) for one in (action, none))
    return mean - least, noise + other


def _mean(log: LoggedGuidance, here: NDArray[np.bool_]) -> tuple[float, float]:
    if here.sum() < LEAST:
        return np.nan, np.nan
    weights, reward = 1 / log.propensity[here], log.reward[here]
    share = weights / weights.sum()
    mean = float(share @ reward)
    return mean, float((share**2) @ (reward - mean) ** 2)


def _drawn(effects: Floats, noise: Floats) -> Floats:
    """Effects drawn to 0: variance between effects over that and the effect's own."""
    known = np.isfinite(effects)
    between = _between(effects[known], noise[known])
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.where(noise > 0, between / (between + noise), 1.0)
    return np.where(known, effects * kept, np.nan)


def _between(effects: Floats, noise: Floats) -> float:
    """The variance between effects that makes these likeliest, where they are normal: precise ones say most.

    A mean of squares less noise would be that of the noisiest effects.
    """
    largest = float((effects**2).max(initial=0.0))
    if largest == 0:
        return 0.0
    tried = np.concatenate([[0.0], largest * np.logspace(-8, 0, _TRIED)])
    variance = np.maximum(tried[:, None] + noise, 1e-12 * largest)
    likelihood = -(np.log(variance) + effects**2 / variance).sum(axis=1)
    return float(tried[int(likelihood.argmax())])


def with_values(text: str, values: dict[str, dict[str, float]]) -> str:
    """An actions file (TOML) whose entries have these values; former `intent_values` are replaced."""
    lines = [line for line in text.splitlines() if not line.startswith("intent_values")]
    made = []
    for line in lines:
        made.append(line)
        name = line.partition("=")[2].strip().strip('"') if line.startswith("name") else ""
        if values.get(name):
            made.append(f"intent_values = {{ {_inline(values[name])} }}")
    return "\n".join(made) + "\n"


def _inline(values: dict[str, float]) -> str:
    return ", ".join(f"{state} = {value!r}" for state, value in values.items())


def likeliest(vectors: Sequence[Sequence[float]]) -> NDArray[np.int64]:
    """The likeliest state of each context vector, as a position."""
    return np.asarray(np.array(vectors, dtype=np.float64).argmax(1), dtype=np.int64)
