"""Logged decisions as a learner of policies sees them: inputs of contexts and features of actions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import PathcastError
from models.policies.action_features import ActionEncoding, ActionFeatures, described_actions
from models.policies.context_columns import Column, encode_table
from models.policies.input_expansion import Expansion
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies.fit_columns import fit_columns

Floats = NDArray[np.float64]

#: The last part of the log, by time, on which settings are chosen and training is stopped.
VALIDATION: Final = 0.2
#: Fewest decisions to learn from, so that both parts have some.
FEWEST: Final = 10


class PolicyTrainingError(PathcastError):
    """A policy cannot be trained from these decisions or with these settings."""


@dataclass(frozen=True)
class LearningData:
    """`n` decisions among `k` actions.

    contexts: float64 [n, d] as policies read them; inputs: float64 [n, p] expanded.
    actions: features of each action in the order of `decisions.actions`; rows: the same as numbers [k, q].
    """

    decisions: LoggedDecisions
    columns: tuple[Column, ...]
    contexts: Floats
    inputs: Floats
    actions: tuple[ActionFeatures, ...]
    encoding: ActionEncoding
    rows: Floats

    def __len__(self) -> int:
        return len(self.decisions)

    @property
    def none(self) -> int:
        """The position of the action that does nothing, -1 where there is none."""
        return next((at for at, one in enumerate(self.actions) if one.kind == "none"), -1)

    def part(self, chosen: NDArray[np.int64]) -> "LearningData":
        """Some of the decisions by position."""
        rows = self.contexts[chosen], self.inputs[chosen]
        return replace(self, decisions=self.decisions.rows(chosen), contexts=rows[0], inputs=rows[1])

    def split(self) -> tuple["LearningData", "LearningData"]:
        """Training and validation part; the latter is the last one by time, or of the log as it stands."""
        order = self.in_time()
        cut = len(order) - max(1, round(VALIDATION * len(order)))
        return self.part(order[:cut]), self.part(order[cut:])

    def in_time(self) -> NDArray[np.int64]:
        """Positions by time; by row where the log has no times."""
        if self.decisions.ts is None:
            return np.arange(len(self))
        return np.argsort(self.decisions.ts, kind="stable")


def learning_data(
    decisions: LoggedDecisions,
    features: Sequence[ActionFeatures] | None = None,
    kept: Sequence[str] = (),
) -> LearningData:
    """Fit the columns to the log; `features` describe actions, those without are ads without a price. `kept`
    columns stay also where they are constant.

    Raises PolicyTrainingError for too few decisions and for more columns than a decision's record holds.
    """
    if len(decisions) < FEWEST:
        raise PolicyTrainingError(
            f"found {len(decisions)} decisions to learn from; expected at least {FEWEST}; name more logs"
        )
    columns = fit_columns(decisions.context, kept)
    described = described_actions(decisions.actions, {one.name: one for one in features or ()})
    return encoded(decisions, columns, described, ActionEncoding.of(described))


def encoded(
    decisions: LoggedDecisions,
    columns: tuple[Column, ...],
    actions: tuple[ActionFeatures, ...],
    encoding: ActionEncoding,
) -> LearningData:
    """The decisions in the columns and with the features of a policy that exists."""
    table = columns_by_name(decisions.context)
    contexts = encode_table(columns, table) if columns else np.zeros((len(decisions), 0))
    inputs = Expansion(columns)(contexts)
    return LearningData(decisions, columns, contexts, inputs, actions, encoding, encoding.rows(actions))


def columns_by_name(context: pl.DataFrame) -> dict[str, list[object]]:
    """A frame as `models.policies` reads tables."""
    return {column.name: column.to_list() for column in context.get_columns()}
