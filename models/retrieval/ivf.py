"""Approximate top-k by an inverted file (IVF) of 4-bit product codes.

The codes are compared in registers (fast scan; Andre, Kermarrec, Le Scouarnec 2017, "Accelerated nearest
neighbor search with quick ADC"), by faiss (Douze et al. 2024, "The Faiss library"). Queries of a sequence
network lie in a narrow part of the items' space. So k-means minimises the error of scores, not of vectors, as
Guo et al. 2020 do for codes ("Accelerating large-scale inference with anisotropic vector quantization").
"""

from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.retrieval.exact import Exact
from models.retrieval.shortlist import Floats, Shortlist, flat

#: Recall at 20, against exact scores, that held-out queries must reach.
RECALL: Final = 0.99
#: Shares of the clusters to probe, tried in order until RECALL is reached.
SHARES: Final = (1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8)
#: Most codes of an item, 4 bits each.
MOST_CODES: Final = 96


def ivf_index(exact: Exact, asked: Tensor) -> "IvfIndex | None":
    """An index that reaches RECALL; None where probing 3/8 of the clusters does not.

    Half of the sample queries `asked` [M, E] shape the clusters, the other half measures recall.
    """
    made = IvfIndex(exact, asked[::2])
    return made if made.tune(SHARES, asked[1::2], RECALL) else None


class IvfIndex(Shortlist):
    """Searches some clusters of items. Equal items and queries give an equal index, bit for bit."""

    def __init__(self, exact: Exact, asked: Tensor) -> None:
        super().__init__(exact)
        lists = 1 << round(np.log2(len(self._vectors)) / 2)
        self._index = _index(self._vectors, self.padded_vectors(asked), lists)

    @property
    def description(self) -> str:
        return f"{self._index.nprobe / self._index.nlist:.0%} of the clusters"

    def set_effort(self, amount: float) -> None:
        """Set the share of clusters that a query probes."""
        self._index.nprobe = max(1, round(self._index.nlist * amount))

    def candidates(self, asked: Floats, count: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self._index.search(asked, count)[1]
        return found


def _index(vectors: Floats, asked: Floats, lists: int) -> Any:
    """A faiss index of the items, in clusters within which scores of the queries `asked` are similar."""
    faiss.omp_set_num_threads(1)
    width = vectors.shape[1]
    values, axes = np.linalg.eigh(asked.T @ asked / len(asked))
    # No direction gets weight 0: later queries may have a part in it.
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
    # Items are assigned by score error; queries probe the clusters whose centres score highest.
    index.quantizer = flat(centres)
    return index


def _codes(width: int) -> int:
    """Number of codes of a vector: one a dimension, in wide vectors one for several dimensions."""
    return next(width // size for size in range(-(-width // MOST_CODES), width + 1) if width % size == 0)


def _linear(matrix: Floats) -> Any:
    made = faiss.LinearTransform(*matrix.shape)
    faiss.copy_array_to_vector(matrix.T.ravel(), made.A)
    made.is_trained = True
    return made
