"""Exact top-k over all items, in blocks, so that memory does not grow with the catalogue."""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.retrieval import top_kernels
from models.retrieval.top_kernels import Lists

#: Logits in memory at once (4 bytes each): 128 rows of 1,000 items stay in a core's cache.
BLOCK_LOGITS = 128_000
#: Least rows of a block: with fewer the item table would be read too often.
LEAST_ROWS = 64


class Ranked(NamedTuple):
    """`items` int32 [N, k], best first, -1 where there are fewer; and their `scores` float32 [N, k]."""

    items: NDArray[np.int32]
    scores: NDArray[np.float32]


class Retriever(Protocol):
    """Finds the best items of queries, exactly or approximately."""

    def top(self, queries: Tensor, current: Tensor, k: int) -> Ranked:
        """Best k items of queries [N, E], without the item on view, `current` [N] (-1: none)."""
        ...


class Exact:
    """Ranks all of `items` [V, E] with `bias` [V]; `columns` are the items as [E, V]."""

    def __init__(self, items: Tensor, bias: Tensor) -> None:
        self.items, self.bias = items, bias
        self.columns = items.T.contiguous()
        self._whole: Lists | None = None
        if items.device.type == "cpu":
            self._whole = whole(self.columns.numpy(), bias.detach().numpy())

    def top(self, queries: Tensor, current: Tensor, k: int) -> Ranked:
        """Best k of V items; scores are probabilities over all items, the one on view included."""
        if self._whole is None:
            return in_blocks(queries, self.columns, self.bias, current, k)
        ranked = empty_ranking(len(queries), k)
        given = queries.numpy(), self._whole, 1, current.numpy()
        top_kernels.search(*given, ranked.items, ranked.scores)
        return ranked


def whole(columns: NDArray[np.float32], bias: NDArray[np.float32]) -> Lists:
    """All items, `columns` [E, V] with `bias` [V], as one cluster, which is searched exactly."""
    (width, count), none = columns.shape, np.empty(0, np.int64)
    places = np.arange(count)
    return Lists(
        np.zeros((width, 1), np.float32),
        np.zeros(1, np.float32),
        columns.ravel(),
        bias,
        places.astype(np.int32),
        np.array([0, count]),
        np.empty((width, 0), np.float32),
        np.empty(0, np.float32),
        none,
        places,
    )


def empty_ranking(rows: int, k: int) -> Ranked:
    """A ranking [rows, k] without items, to be filled."""
    return Ranked(np.full((rows, k), -1, dtype=np.int32), np.zeros((rows, k), dtype=np.float32))


def padded(items: NDArray[np.int64], values: NDArray[np.float32], k: int) -> Ranked:
    """A ranking of k columns; entries of -inf and missing columns have item -1."""
    made: NDArray[np.int32] = np.where(np.isneginf(values), -1, items).astype(np.int32)
    values = np.where(made < 0, np.float32(0), values)
    if made.shape[1] == k:
        return Ranked(made, values)
    missing = ((0, 0), (0, k - made.shape[1]))
    return Ranked(np.pad(made, missing, constant_values=-1), np.pad(values, missing))


def in_blocks(queries: Tensor, table: Tensor, bias: Tensor, current: Tensor, k: int) -> Ranked:
    """The k most probable of V items: softmax of `queries` [N, E] x `table` [E, V] + `bias` [V].

    As matrix products of some queries at a time, for processors that want many rows at once.
    """
    rows = max(LEAST_ROWS, BLOCK_LOGITS // max(1, table.shape[1]))
    parts = [
        _top_block(queries[at : at + rows], table, bias, current[at : at + rows], k)
        for at in range(0, len(queries), rows)
    ]
    return Ranked(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))


def _top_block(queries: Tensor, table: Tensor, bias: Tensor, current: Tensor, k: int) -> Ranked:
    logits = torch.addmm(bias, queries, table)
    total = torch.logsumexp(logits, 1).cpu().numpy()
    rows = torch.nonzero(current >= 0).squeeze(1)
    logits[rows, current[rows]] = -torch.inf
    values, chosen = logits.topk(min(k, logits.shape[1]))
    ranked = padded(chosen.cpu().numpy(), values.cpu().numpy(), k)
    probabilities = np.where(ranked.items < 0, 0, np.exp(ranked.scores - total[:, None]))
    return Ranked(ranked.items, probabilities.astype(np.float32))
