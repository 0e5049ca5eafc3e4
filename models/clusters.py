"""Top-k of large catalogues: some clusters of items, by 4-bit codes, and exact scores of the best of these.

An inverted file of product codes that are compared in registers (IVF and fast scan; Andre, Kermarrec, Le
Scouarnec 2017, "Accelerated nearest neighbor search with quick ADC"), by faiss (Douze et al. 2024, "The Faiss
library"). Queries of a sequence network lie in a narrow part of the items' space, so items are clustered by
what queries can tell of them: k-means minimises the error of scores instead of vectors, as Guo et al. 2020 do
for codes ("Accelerating large-scale inference with anisotropic vector quantization").
"""

from typing import Any, Final

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.retrieval import Exact, Ranked, Retriever, padded
from models.scores import TOP

#: A smaller catalogue is ranked whole: it takes no longer, and nothing is missed.
LEAST_ITEMS: Final = 10_000
#: Fewer queries tell nothing.
LEAST_QUERIES: Final = 200
#: Share of the exact top 20 that must be found for queries that the clusters were not made from.
RECALL: Final = 0.99
#: Shares of the clusters that are tried, until that many are found.
SHARES: Final = (1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8)
#: Items of which the rest of the probabilities' denominator is estimated.
SAMPLE: Final = 1024
#: Items whose exact scores are looked at, for each that is asked for.
RERANKED: Final = 3
#: Codes of an item at most, 4 bits each.
MOST_CODES: Final = 96
#: Widths are multiples of this.
STEP: Final = 8
Floats = NDArray[np.float32]


def retriever(exact: Exact, asked: Tensor) -> Retriever:
    """The way to the best items: by clusters where that is nearly as good, else all of them.

    `asked` [M, E] are queries as they will come; half of them make the clusters, the other half judges them.
    A GPU ranks everything.
    """
    if len(asked) < LEAST_QUERIES or exact.items.is_cuda or len(exact.items) < LEAST_ITEMS:
        return exact
    return clustered(exact, asked) or exact


def clustered(exact: Exact, asked: Tensor) -> "Clusters | None":
    """Clusters that find RECALL of what there is; None where a quarter of them does not."""
    made, judges = Clusters(exact, asked[::2]), asked[1::2]
    nobody = torch.full((len(judges),), -1)
    truth = exact.top(judges, nobody, TOP).items
    for share in SHARES:
        made.look_at(share)
        found = made.top(judges, nobody, TOP).items
        if np.mean([np.isin(*pair).mean() for pair in zip(truth, found, strict=True)]) >= RECALL:
            return made
    return None


class Clusters:
    """Approximate top-k. The same items and queries make the same clusters, bit for bit.

    Scores are probabilities over all items, the denominator being what was found and an estimate of the rest
    from SAMPLE items: they compare within an answer, and nearly between answers.
    """

    def __init__(self, exact: Exact, asked: Tensor) -> None:
        self._exact = exact
        self._biased = bool((exact.bias != exact.bias[0]).any())
        self._vectors = self._with(exact.items, exact.bias)
        lists = 1 << round(np.log2(len(self._vectors)) / 2)
        self._index = _index(self._vectors, self._with(asked, torch.ones(len(asked))), lists)
        self._flat = _flat(self._vectors)
        chance = np.random.default_rng(0).choice(len(self._vectors), SAMPLE, replace=False)
        self._sample = torch.from_numpy(self._vectors[np.sort(chance)]).T.contiguous()

    def _with(self, vectors: Tensor, last: Tensor) -> Floats:
        """Vectors as they are compared: a bias that differs between items is one more dimension."""
        made = torch.cat([vectors, last[:, None]], 1) if self._biased else vectors
        found: Floats = F.pad(made.float(), (0, -made.shape[1] % STEP)).contiguous().numpy()
        return found

    @property
    def share(self) -> float:
        """Of the clusters, how many a query looks at."""
        return float(self._index.nprobe / self._index.nlist)

    def look_at(self, share: float) -> None:
        """Set the share of clusters that a query looks at."""
        self._index.nprobe = max(1, round(self._index.nlist * share))

    def top(self, queries: Tensor, current: Tensor, k: int) -> Ranked:
        """As `Exact.top`; rows for which the clusters hold too few items are ranked whole."""
        # The number of threads belongs to the thread that searches.
        faiss.omp_set_num_threads(torch.get_num_threads())
        asked = self._with(queries, torch.ones(len(queries)))
        items = self._index.search(asked, min(RERANKED * (k + 1), len(self._vectors)))[1]
        values = np.empty(items.shape, dtype=np.float32)
        places = (faiss.swig_ptr(array) for array in (values, items))
        self._flat.compute_distance_subset(len(asked), faiss.swig_ptr(asked), items.shape[1], *places)
        values[(items < 0) | (items == current.numpy()[:, None])] = -np.inf
        items, values = _best(items, values, k)
        order = np.lexsort((items, -values), axis=1)
        items, values = np.take_along_axis(items, order, 1), np.take_along_axis(values, order, 1)
        total = self._total(torch.from_numpy(asked), torch.from_numpy(values))
        ranked = padded(items, values, k)
        chances = np.where(ranked.items < 0, 0, np.exp(ranked.scores - total[:, None])).astype(np.float32)
        short = np.flatnonzero(ranked.items[:, -1] < 0)
        if len(short):
            rows = torch.from_numpy(short)
            ranked.items[short], chances[short] = self._exact.top(queries[rows], current[rows], k)
        return Ranked(ranked.items, chances)

    def _total(self, asked: Tensor, values: Tensor) -> Floats:
        """Log of the sum of all items' exponentials, of which only the best `values` [N, k] are known."""
        logits = asked @ self._sample
        lowest = values[:, -1:]
        below = logits <= lowest
        rest = torch.where(below, logits, -torch.inf).logsumexp(1)
        scale = (len(self._vectors) - values.shape[1]) / below.sum(1).clamp_min(1)
        found: Floats = torch.logaddexp(values.logsumexp(1), rest + scale.log()).numpy()
        return found


def _best(items: NDArray[np.int64], values: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """The columns of the k highest values, in any order."""
    if values.shape[1] <= k:
        return items, values
    chosen = np.argpartition(values, -k, axis=1)[:, -k:]
    return np.take_along_axis(items, chosen, 1), np.take_along_axis(values, chosen, 1)


def _index(vectors: Floats, asked: Floats, lists: int) -> Any:
    """Codes of the items, in clusters in which the asked queries' scores differ little."""
    faiss.omp_set_num_threads(1)
    width = vectors.shape[1]
    values, axes = np.linalg.eigh(asked.T @ asked / len(asked))
    # No direction is forgotten: queries to come may know it.
    values = np.maximum(values, 0) + 1e-3 * values.max()
    root = np.ascontiguousarray((axes * np.sqrt(values)) @ axes.T, dtype=np.float32)
    stretched = np.ascontiguousarray(vectors @ root)
    means = faiss.Kmeans(width, lists, niter=8, seed=1, max_points_per_centroid=64)
    means.train(stretched)
    nearest = means.index.search(stretched, 1)[1][:, 0]
    centres = np.zeros((lists, width), dtype=np.float32)
    np.add.at(centres, nearest, vectors)
    centres /= np.maximum(np.bincount(nearest, minlength=lists), 1)[:, None]
    assigning = faiss.IndexPreTransform(_linear(root), means.index)
    index = faiss.IndexIVFPQFastScan(assigning, width, lists, _codes(width), 4, faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    index.train(vectors)
    index.add(vectors)
    # Items are in the cluster that says most of them, queries look at the clusters that score highest.
    index.quantizer = _flat(centres)
    return index


def _codes(width: int) -> int:
    """Parts of a vector that have a code each: every dimension, of wide vectors several together."""
    return next(width // size for size in range(-(-width // MOST_CODES), width + 1) if width % size == 0)


def _flat(vectors: Floats) -> Any:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def _linear(matrix: Floats) -> Any:
    made = faiss.LinearTransform(*matrix.shape)
    faiss.copy_array_to_vector(matrix.T.ravel(), made.A)
    made.is_trained = True
    return made
