"""Which actions exploration may choose, for many contexts at once; `rule_evaluation` has it for one."""

from collections.abc import Sequence
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.contract.decision_context import Context, Stage
from models.contract.events import EVENTS
from models.decisions.actions import ActionSet
from models.decisions.actions_file import When
from models.decisions.rule_evaluation import bounds

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_STAGES: Final = {stage: code for code, stage in enumerate(get_args(Stage))}
_EVENTS: Final = {event: code for code, event in enumerate(EVENTS)}


class ExplorableActions:
    """The rules of exploration of one action set."""

    def __init__(self, actions: ActionSet) -> None:
        whens = actions.explored
        self._count, self._always = len(whens), all(when == When() for when in whens)
        limits = [bounds(when) for when in whens]
        self._low, self._high, self._least = np.array(limits, dtype=np.float64).T.copy()
        self._words = any(when.events or when.stages for when in whens)
        self._events = np.array([_holding(when.events, _EVENTS) for when in whens])
        self._stages = np.array([_holding(when.stages, _STAGES) for when in whens])

    def of(self, contexts: Sequence[Context]) -> Bools:
        """Whether each may be explored `[n, k]`, whatever the masks."""
        out = np.ones((len(contexts), self._count), dtype=np.bool_)
        if self._always or not contexts:
            return out
        events = stages = np.zeros(len(contexts), dtype=np.int64)
        if self._words:
            events = np.array([_EVENTS.get(one.event, len(_EVENTS)) for one in contexts], dtype=np.int64)
            stages = np.array([_STAGES[one.stage] for one in contexts], dtype=np.int64)
        chances = np.array([one.purchase_probability for one in contexts])
        carts = np.array([one.cart_milli for one in contexts], dtype=np.float64)
        words = events, stages, self._events, self._stages
        mark(*words, chances, carts, (self._low, self._high, self._least), out)
        return out


def _holding(named: Sequence[str] | None, codes: dict[str, int]) -> list[bool]:
    """By code, and last for a word without one, whether a condition on words holds."""
    return [named is None or word in named for word in (*codes, "")]


@kernel
def mark(
    events: NDArray[np.int64],
    stages: NDArray[np.int64],
    event_holds: Bools,
    stage_holds: Bools,
    chances: Floats,
    carts: Floats,
    limits: tuple[Floats, Floats, Floats],
    out: Bools,
) -> None:
    """Into `out` [n, k] where all conditions of each action's rule hold."""
    low, high, least = limits
    for row in range(len(events)):
        for action in range(out.shape[1]):
            words = event_holds[action, events[row]] and stage_holds[action, stages[row]]
            numbers = low[action] <= chances[row] < high[action] and carts[row] >= least[action]
            out[row, action] = words and numbers
