"""Logged decisions of any table as `intent_values` learns from them."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.errors import PathcastError
from trainer.ab_tests.intent_values import LoggedGuidance
from trainer.off_policy.logged_decisions import LoggedDecisions

#: The columns that tables of the topic `rewards` have of a context's vector.
_VECTOR: Final = tuple(f"vector_{place}" for place in range(len(STATES)))


def guidance_log(log: LoggedDecisions, actions: ActionSet, column: str) -> LoggedGuidance:
    """The decisions whose action is in the file, with the state of each.

    The state is the likeliest of `vector_0` to `vector_6`, the record of a guidance policy, else the word in
    `column`. Raises PathcastError where neither is there, for other words, and where no action is known.
    """
    known = [name for name in log.actions if name in actions.names]
    if actions.names[actions.none] not in known or len(known) < 2:
        raise PathcastError(
            f"the log has the actions {', '.join(log.actions)}; expected {actions.names[actions.none]!r} and "
            "others of the actions file: name the file that was in use"
        )
    place = np.array([actions.names.index(name) if name in known else -1 for name in log.actions])
    action, states = place[log.action], _states(log, column)
    used = action >= 0
    allowed = np.zeros((len(log), len(actions.names)), dtype=np.bool_)
    allowed[:, place[place >= 0]] = log.mask[:, place >= 0]
    return LoggedGuidance(action[used], states[used], log.propensity[used], log.reward[used], allowed[used])


def _states(log: LoggedDecisions, column: str) -> NDArray[np.int64]:
    columns = log.context.columns
    if set(_VECTOR) <= set(columns):
        found = log.context.select(_VECTOR).fill_null(0.0).to_numpy().argmax(1)
        return np.asarray(found, dtype=np.int64)
    if column not in columns:
        raise PathcastError(
            f"the log's context has {', '.join(columns)}; expected a column {column!r} with intent states, "
            f"or {_VECTOR[0]} to {_VECTOR[-1]}: name it by --state"
        )
    words = log.context[column].cast(pl.String).to_list()
    unknown = sorted({str(word) for word in words} - set(STATES))
    if unknown:
        raise PathcastError(
            f"column {column}: found {', '.join(unknown[:3])}; expected states: {', '.join(STATES)}; "
            "correct the words"
        )
    return np.array([STATES.index(word) for word in words], dtype=np.int64)
