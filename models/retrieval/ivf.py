"""Approximate top-k by an inverted file (IVF): the exact best of the items of some clusters.

A query reads only the clusters whose centres score highest (Douze et al. 2024, "The Faiss library"). Queries
of a sequence network lie in a narrow part of the items' space. So k-means minimises the error of scores, not
of vectors, as Guo et al. 2020 do for codes ("Accelerating large-scale inference with anisotropic vector
quantization"). An answer depends on no other query of the batch.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.predictions import MOST_ITEMS
from models.retrieval import top_kernels
from models.retrieval.exact import Exact, Ranked, empty_ranking
from models.retrieval.top_kernels import Lists

Floats = NDArray[np.float32]
#: Recall at 20, against exact scores, that held-out queries must reach.
RECALL: Final = 0.996
#: Shares of the clusters to probe, tried in order until RECALL is reached.
SHARES: Final = (1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 10, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 3 / 8)
#: Items in the sample from which the softmax denominator is estimated.
SAMPLE: Final = 512
#: Weight of directions in which no query points, of the largest: later queries may have a part in them.
LEAST_WEIGHT: Final = 1e-3


def ivf_index(exact: Exact, asked: Tensor) -> "IvfIndex | None":
    """An index that reaches RECALL; None where probing 3/8 of the clusters does not.

    Half of the sample queries `asked` [M, E] shape the clusters, the other half measures recall.
    """
    made = IvfIndex(exact, asked[::2])
    return made if made.tune(SHARES, asked[1::2], RECALL) else None


class IvfIndex:
    """Searches some clusters of items. Equal items and queries give an equal index, bit for bit.

    Scores are probabilities over all items. Their denominator is the sum over the clusters searched and an
    estimate of the rest, so scores of different answers are only nearly comparable.
    """

    def __init__(self, exact: Exact, asked: Tensor) -> None:
        self._exact = exact
        self.clusters = 1 << round(np.log2(len(exact.items)) / 2)
        self._lists = _lists(exact.items.numpy(), exact.bias.numpy(), asked.numpy(), self.clusters)
        self.set_effort(1.0)

    @property
    def description(self) -> str:
        """The current effort, in words."""
        return f"{self._probes / self.clusters:.0%} of the clusters"

    def set_effort(self, share: float) -> None:
        """Set the share of clusters that a query probes."""
        self._probes = max(1, round(self.clusters * share))

    def tune(self, shares: Iterable[float], held_out: Tensor, recall: float) -> bool:
        """Set the first share that finds `recall` of the exact top 20 of the queries `held_out` [M, E].

        `shares` are tried in order. False where none of them suffices.
        """
        none_on_view = torch.full((len(held_out),), -1)
        truth = self._exact.top(held_out, none_on_view, MOST_ITEMS).items
        for share in shares:
            self.set_effort(share)
            found = self.top(held_out, none_on_view, MOST_ITEMS).items
            if np.mean([np.isin(*pair).mean() for pair in zip(truth, found, strict=True)]) >= recall:
                return True
        return False

    def top(self, queries: Tensor, current: Tensor, k: int) -> Ranked:
        """As `Exact.top`; a row with fewer than k candidates is ranked exactly."""
        ranked = empty_ranking(len(queries), k)
        given = queries.numpy(), self._lists, self._probes, current.numpy()
        top_kernels.search(*given, ranked.items, ranked.scores)
        short = np.flatnonzero(ranked.items[:, -1] < 0)
        if len(short):
            rows = torch.from_numpy(short)
            ranked.items[short], ranked.scores[short] = self._exact.top(queries[rows], current[rows], k)
        return ranked


def _lists(vectors: Floats, bias: Floats, asked: Floats, clusters: int) -> Lists:
    """Items in clusters within which scores of the queries `asked` are similar."""
    nearest = _assigned(vectors, bias, asked, clusters)
    order = np.argsort(nearest, kind="stable")
    bounds = np.searchsorted(nearest[order], np.arange(clusters + 1))
    counts = np.maximum(np.diff(bounds), 1)[:, None]
    centres = np.zeros((clusters, vectors.shape[1] + 1), dtype=np.float32)
    np.add.at(centres, nearest, np.column_stack([vectors, bias]))
    centres /= counts
    centres[np.diff(bounds) == 0, -1] = -np.inf
    parts = [vectors[order[first:last]].T.ravel() for first, last in pairwise(bounds)]
    chosen = np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).astype(np.int64)
    return Lists(
        np.ascontiguousarray(centres[:, :-1].T),
        np.ascontiguousarray(centres[:, -1]),
        np.concatenate(parts),
        bias[order],
        order.astype(np.int32),
        bounds,
        np.ascontiguousarray(vectors[order[chosen]].T),
        bias[order[chosen]],
        nearest[order[chosen]],
        np.argsort(order),
    )


def _assigned(vectors: Floats, bias: Floats, asked: Floats, clusters: int) -> NDArray[np.int64]:
    """The cluster of each item."""
    import faiss  # a worker with a small catalogue starts without it

    faiss.omp_set_num_threads(1)
    biased = bool((bias != bias[0]).any())
    rows = np.column_stack([vectors, bias]) if biased else vectors
    queries = np.column_stack([asked, np.ones(len(asked), np.float32)]) if biased else asked
    values, axes = np.linalg.eigh(queries.T @ queries / len(queries))
    values = np.maximum(values, 0) + LEAST_WEIGHT * values.max()
    stretched = np.ascontiguousarray(rows @ ((axes * np.sqrt(values)) @ axes.T), dtype=np.float32)
    means = faiss.Kmeans(rows.shape[1], clusters, niter=8, seed=1, max_points_per_centroid=64)
    means.train(stretched)
    found: NDArray[np.int64] = means.index.search(stretched, 1)[1][:, 0]
    return found
