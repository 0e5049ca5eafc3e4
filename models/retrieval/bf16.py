"""Approximate top-k in bf16, for processors that multiply bf16 in hardware.

All items are scored in bf16, the best of them again exactly, as faiss refines (Douze et al. 2024, "The Faiss
library"). Queries of a sequence network lie in a narrow part of the items' space, so vectors are projected to
fewer dimensions first: the principal components of the queries.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.retrieval.exact import LEAST_ROWS, Exact
from models.retrieval.shortlist import Floats, Shortlist

#: Columns of a group in the first pass.
GROUP = 16
#: Recall at 20, against exact scores, that held-out queries must reach.
RECALL: Final = 0.998
#: Numbers of dimensions to try, in order, until RECALL is reached; the last try uses all.
WIDTHS: Final = (32, 48, 64, 96, 128)
#: Scores in memory at once (2 bytes each).
BLOCK: Final = 6_400_000


def bf16_index(exact: Exact, asked: Tensor) -> "Bf16Index | None":
    """An index of as few dimensions as reach RECALL; None where even all dimensions do not.

    Half of the sample queries `asked` [M, E] determine the dimensions, the other half measures recall.
    """
    made = Bf16Index(exact, asked[::2])
    widths = (*(width for width in WIDTHS if width < made.width), made.width)
    return made if made.tune(widths, asked[1::2], RECALL) else None


class Bf16Index(Shortlist):
    """Scores all items along the principal components of the queries."""

    def __init__(self, exact: Exact, asked: Tensor) -> None:
        super().__init__(exact)
        queries = torch.from_numpy(self.padded_vectors(asked))
        self._axes = torch.linalg.eigh(queries.T @ queries)[1].flip(1)
        self.width = len(self._axes)
        self.set_effort(self.width)

    @property
    def description(self) -> str:
        return f"{self._into.shape[1]} of {self.width} directions in bf16"

    def set_effort(self, amount: float) -> None:
        """Set the number of dimensions."""
        self._into = self._axes[:, : int(amount)].contiguous()
        self._columns = (torch.from_numpy(self._vectors) @ self._into).T.bfloat16().contiguous()

    def candidates(self, asked: Floats, count: int) -> NDArray[np.int64]:
        queries = (torch.from_numpy(asked) @ self._into).bfloat16()
        rows = max(LEAST_ROWS, BLOCK // len(self._vectors))
        parts = [self._part(queries[at : at + rows], count) for at in range(0, len(queries), rows)]
        return torch.cat(parts).numpy()

    def _part(self, queries: Tensor, count: int) -> Tensor:
        """Items of the highest scores, searched among the groups of items with the highest maxima."""
        scores: Tensor = queries @ self._columns
        members = _members(scores, -(-count * 3 // 8))
        if members is None:
            return scores.topk(min(count, scores.shape[1])).indices
        return members.gather(1, scores.gather(1, members).topk(count, sorted=False).indices)


def _members(scores: Tensor, winners: int) -> Tensor | None:
    """Columns of the `winners` groups with the highest maxima, and those in no group.

    None where there are no more groups than that. A group is every (V // GROUP)-th column, so that its
    maximum is computed over whole slices.
    """
    rows, items = scores.shape
    groups = items // GROUP
    if winners >= groups:
        return None
    peaks = scores[:, : groups * GROUP].view(rows, GROUP, groups).amax(1)
    places = peaks.topk(winners, sorted=False).indices
    inside = places[:, None] + groups * torch.arange(GROUP)[:, None]
    rest = torch.arange(groups * GROUP, items).expand(rows, -1)
    return torch.cat([inside.view(rows, -1), rest], 1)
