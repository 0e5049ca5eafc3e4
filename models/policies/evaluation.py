"""What a learned policy makes of each context of a chunk, ready for whatever mask comes.

Choices with every action allowed are computed for the whole chunk at once; only a context whose mask leaves
actions out is computed again, alone. Names are joined to probabilities only where a decision is made.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.policy import PolicyChoice
from models.policies.policy_heads import Bools, Floats

#: Rows for which room is made at once.
MASKED_ROWS = 64


class Finished(msgspec.Struct, frozen=True, gc=False):
    """Distributions, a row each: running sums in units of 2^-53 int64 [n, k] and the same `flat`,
    probabilities float64 [n, k], and the actions with the largest share of the rows that are made.
    """

    sums: NDArray[np.int64]
    flat: memoryview
    chances: Floats
    best: list[int]

    @classmethod
    def empty(cls, count: int, actions: int) -> "Finished":
        """Room for so many rows."""
        sums = np.empty((count, actions), dtype=np.int64)
        return cls(sums, sums.reshape(-1).data, np.empty((count, actions)), [])


class RowDistribution(msgspec.Struct, frozen=True, gc=False):
    """An `ActionDistribution`: one row, of which objects are made when they are asked for."""

    names: tuple[str, ...]
    rows: Finished
    row: int

    @property
    def probabilities(self) -> dict[str, float]:
        """By action name."""
        chances = self.rows.chances[self.row].tolist()
        return dict(zip(self.names, chances))  # noqa: B905 - both have an entry for each action

    @property
    def cumulative(self) -> list[int]:
        """Running sums in units of 2^-53."""
        sums: list[int] = self.rows.sums[self.row].tolist()
        return sums

    def position(self, draw: int) -> int:
        """The first action, by position, whose running sum exceeds the draw."""
        start = self.row * len(self.names)
        return bisect_right(self.rows.flat, draw, start, start + len(self.names)) - start


class ChoosingPolicy(Protocol):
    """The part of a learned policy that an evaluation needs."""

    @property
    def actions(self) -> ActionSet: ...

    def contexts(self, contexts: Sequence[Context]) -> Floats: ...

    def scores(self, contexts: Floats) -> list[Floats]: ...

    def explorable(self, contexts: Sequence[Context]) -> Bools: ...

    def finished(self, scores: Sequence[Floats], explorable: Bools) -> Finished: ...

    def finish_row(
        self, scores: Sequence[Floats], explorable: Bools, row: int, mask: int, out: Finished
    ) -> None: ...


@dataclass(slots=True)
class _Batch:
    """A chunk's scores and its choices among all actions.

    `masked` are choices among fewer actions, in the order in which they were asked for.
    """

    policy: ChoosingPolicy
    scores: list[Floats]
    explorable: Bools
    full: Finished
    masked: Finished
    names: tuple[str, ...]
    every: int

    def choose(self, row: int, mask: int) -> PolicyChoice:
        """The choice of one context among the actions of a mask that leaves some out."""
        if len(self.masked.best) == len(self.masked.sums):
            self.masked = Finished.empty(MASKED_ROWS, len(self.names))
        found = self.masked
        self.policy.finish_row(self.scores, self.explorable, row, mask, found)
        at = len(found.best) - 1
        return PolicyChoice(RowDistribution(self.names, found, at), found.best[at])


class LearnedEvaluation(msgspec.Struct, frozen=True, gc=False):
    """One context: its chunk and its row in it."""

    batch: _Batch
    row: int

    def choose(self, mask: int) -> PolicyChoice:
        """As `PolicyEvaluation.choose`."""
        batch, row = self.batch, self.row
        if mask != batch.every:
            return batch.choose(row, mask)
        full = batch.full
        return PolicyChoice(RowDistribution(batch.names, full, row), full.best[row])


def evaluations(policy: ChoosingPolicy, contexts: Sequence[Context]) -> list[LearnedEvaluation]:
    """One evaluation a context."""
    actions, explorable = policy.actions, policy.explorable(contexts)
    scores = policy.scores(policy.contexts(contexts))
    full, masked = policy.finished(scores, explorable), Finished.empty(0, len(actions.names))
    batch = _Batch(policy, scores, explorable, full, masked, actions.names, actions.all_bits)
    return [LearnedEvaluation(batch, row) for row in range(len(contexts))]


def bools(bits: NDArray[np.int64], count: int) -> Bools:
    """Masks as rows [n, count]."""
    found: Bools = (bits[:, None] >> np.arange(count) & 1).astype(np.bool_)
    return found
