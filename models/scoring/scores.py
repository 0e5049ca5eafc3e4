"""The answers of every tier of the fallback chain, and the error that makes the next tier answer."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import Layout
from models.contract.predictions import MOST_ITEMS, FallbackTier
from models.errors import PathcastError
from models.features.batch import Batch

#: Recommendations in an answer.
TOP = MOST_ITEMS
#: Most candidates for them, from which merchandising rules may remove some.
MOST_WANTED = 3 * TOP
#: Tiers by number, best first, as `Scores.tier` counts them.
TIERS = tuple(FallbackTier)


class ScoringError(PathcastError):
    """A tier could not answer a batch; the next tier below answers."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Answers for N clicks in record order.

    `purchase` float32 [N]. `items` [N, W] are indices into `names`, best first, -1 where there are no more (W
    is the batch's `wanted`, TOP in an answer); `item_scores` float32 [N, W]. `tier` uint8 [N] is an index
    into TIERS. `hidden` fp16 [B, H] by slot, None below the neural tier. `tasks` float32 [N, K] are the
    further heads' answers in the columns of `layout`, NaN where one does not apply; None below the neural
    tier, and for a version without such heads.
    """

    purchase: NDArray[np.float32]
    items: NDArray[np.int32]
    item_scores: NDArray[np.float32]
    names: NDArray[np.object_]
    tier: NDArray[np.uint8]
    hidden: NDArray[np.float16] | None = None
    tasks: NDArray[np.float32] | None = None
    layout: Layout | None = None

    def item_ids(self) -> list[list[str]]:
        """Item ids per click, best first."""
        if (self.items[:, -1] >= 0).all():
            named: list[list[str]] = self.names[self.items].tolist()
            return named
        names = self.names.tolist()
        return [[names[item] for item in row if item >= 0] for row in self.items.tolist()]

    def hidden_bytes(self) -> list[bytes]:
        """Hidden states by slot, in the format of visitors' records; an empty list below the neural tier."""
        if self.hidden is None:
            return []
        packed, width = self.hidden.tobytes(), self.hidden.shape[1] * self.hidden.itemsize
        return [packed[slot * width : (slot + 1) * width] for slot in range(len(self.hidden))]


class Scorer(Protocol):
    """One tier; `version` is the id of its model version, empty for none."""

    @property
    def version(self) -> str: ...

    def score(self, batch: Batch) -> Scores:
        """Answer every click of the batch. Raises ScoringError."""
        ...
