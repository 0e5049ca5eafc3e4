"""What a learned policy makes of each context of a chunk, ready for whatever mask comes.

Choices with every action allowed are computed for the whole chunk at once, and so are those among the actions
of each context's own mask; only a context that is asked for another mask is computed again, alone.
Probabilities become objects or text only where they are asked for.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
_encode = msgspec.json.Encoder().encode


class ProbabilityRecord:
    """Makes objects and text of the probabilities of actions with these names.

    A struct with a field for each action: it is made and encoded in half the time of a dictionary.
    """

    def __init__(self, names: Sequence[str]) -> None:
        fields = {f"of_{position}": name for position, name in enumerate(names)}
        self.names = tuple(names)
        self._make: Callable[..., msgspec.Struct] = msgspec.defstruct(
            "Probabilities", [(one, float) for one in fields], rename=fields, frozen=True, gc=False
        )
        row = struct.Struct(f"{len(names)}d")
        self._read, self._width = row.unpack_from, row.size

    def by_name(self, chances: memoryview, row: int) -> dict[str, float]:
        """The probabilities of a row of `chances`, which are float64 of one row after another."""
        return dict(zip(self.names, self._read(chances, row * self._width), strict=True))

    def text(self, chances: memoryview, row: int) -> bytes:
        """The same as JSON."""
        return _encode(self._make(*self._read(chances, row * self._width)))


class Finished(msgspec.Struct, frozen=True, gc=False):
    """Distributions, a row each: running sums in units of 2^-53 int64 [n, k], probabilities float64 [n, k],
    both also `flat`, and the actions with the largest share of the rows that are made; `count` is k.
    """

    count: int

    sums: NDArray[np.int64]
    flat: memoryview
    chances: Floats
    flat_chances: memoryview
    best: list[int]

    @classmethod
    def empty(cls, count: int, actions: int) -> "Finished":
        """Room for so many rows."""
        sums, chances = np.empty((count, actions), dtype=np.int64), np.empty((count, actions))
        return cls(actions, sums, sums.reshape(-1).data, chances, chances.reshape(-1).data, [])


class RowDistribution(msgspec.Struct, frozen=True, gc=False):
    """An `ActionDistribution`: one row, of which objects are made when they are asked for."""

    record: ProbabilityRecord
    rows: Finished
    row: int

    @property
    def probabilities(self) -> dict[str, float]:
        """By action name."""
        return self.record.by_name(self.rows.flat_chances, self.row)

    @property
    def text(self) -> bytes:
        """The probabilities as JSON."""
        return self.record.text(self.rows.flat_chances, self.row)

    @property
    def cumulative(self) -> list[int]:
        """Running sums in units of 2^-53."""
        sums: list[int] = self.rows.sums[self.row].tolist()
        return sums

    def probability(self, position: int) -> float:
        """Of the action at a position."""
        chance: float = self.rows.flat_chances[self.row * self.rows.count + position]
        return chance

    def position(self, draw: int) -> int:
        """The first action, by position, whose running sum exceeds the draw."""
        rows = self.rows
        start = self.row * rows.count
        return bisect_right(rows.flat, draw, start, start + rows.count) - start


class ChoosingPolicy(Protocol):
    """The part of a learned policy that an evaluation needs."""

    record: ProbabilityRecord

    @property
    def actions(self) -> ActionSet: ...

    def contexts(self, contexts: Sequence[Context]) -> Floats: ...

    def scores(self, contexts: Floats) -> list[Floats]: ...

    def explorable(self, contexts: Sequence[Context]) -> Bools: ...

    def finished(self, scores: Sequence[Floats], allowed: Bools, explorable: Bools) -> Finished: ...

    def finish_row(
        self, scores: Sequence[Floats], explorable: Bools, row: int, mask: int, out: Finished
    ) -> None: ...


@dataclass(slots=True)
class _Batch:
    """A chunk's scores, its choices among all actions, and those among the actions of each context's mask.

    `places` are the rows of `masked` by context. `others` are choices among the actions of masks that came
    later, in the order in which they were asked for.
    """

    policy: ChoosingPolicy
    scores: list[Floats]
    explorable: Bools
    full: Finished
    masked: Finished
    places: dict[int, int]
    others: Finished
    record: ProbabilityRecord = field(init=False)
    every: int = field(init=False)

    def __post_init__(self) -> None:
        self.record, self.every = self.policy.record, self.policy.actions.all_bits

    def choose(self, row: int, mask: int) -> PolicyChoice:
        """The choice of one context among the actions of a mask that it did not have."""
        if len(self.others.best) == len(self.others.sums):
            self.others = Finished.empty(MASKED_ROWS, len(self.record.names))
        found = self.others
        self.policy.finish_row(self.scores, self.explorable, row, mask, found)
        at = len(found.best) - 1
        return PolicyChoice(RowDistribution(self.record, found, at), found.best[at])


class LearnedEvaluation(msgspec.Struct, frozen=True, gc=False):
    """One context: its chunk, its row in it, and its mask."""

    batch: _Batch
    row: int
    mask: int

    def choose(self, mask: int) -> PolicyChoice:
        """As `PolicyEvaluation.choose`."""
        batch, row = self.batch, self.row
        if mask == batch.every:
            found = batch.full
        elif mask == self.mask:
            found, row = batch.masked, batch.places[row]
        else:
            return batch.choose(row, mask)
        return PolicyChoice(RowDistribution(batch.record, found, row), found.best[row])


def evaluations(policy: ChoosingPolicy, contexts: Sequence[Context]) -> list[LearnedEvaluation]:
    """One evaluation a context."""
    explorable, scores = policy.explorable(contexts), policy.scores(policy.contexts(contexts))
    masks, every = [context.mask for context in contexts], policy.actions.all_bits
    full = policy.finished(scores, np.ones(explorable.shape, dtype=np.bool_), explorable)
    rows = [row for row, mask in enumerate(masks) if mask != every]
    masked = _masked(policy, scores, explorable, np.array(masks, dtype=np.int64), rows)
    places, others = {row: place for place, row in enumerate(rows)}, Finished.empty(0, explorable.shape[1])
    batch = _Batch(policy, scores, explorable, full, masked, places, others)
    return [LearnedEvaluation(batch, row, mask) for row, mask in enumerate(masks)]


def _masked(
    policy: ChoosingPolicy,
    scores: Sequence[Floats],
    explorable: Bools,
    masks: NDArray[np.int64],
    rows: list[int],
) -> Finished:
    """The choices of some rows among the actions of their own masks."""
    if not rows:
        return Finished.empty(0, explorable.shape[1])
    allowed = bools(masks[rows], explorable.shape[1])
    return policy.finished([one[rows] for one in scores], allowed, explorable[rows] & allowed)


def bools(bits: NDArray[np.int64], count: int) -> Bools:
    """Masks as rows [n, count]."""
    found: Bools = (bits[:, None] >> np.arange(count) & 1).astype(np.bool_)
    return found
