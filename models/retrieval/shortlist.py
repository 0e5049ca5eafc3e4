"""Approximate top-k of large catalogues: a list of candidates, ranked by exact scores."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.contract.predictions import MOST_ITEMS
from models.retrieval.exact import Exact, Ranked, padded

#: Items in the sample from which the softmax denominator is estimated.
SAMPLE: Final = 1024
#: Candidates that are scored exactly, for each item wanted.
RERANKED: Final = 3
#: Vectors are padded to a multiple of this many dimensions.
STEP: Final = 8
Floats = NDArray[np.float32]


class Shortlist(ABC):
    """Approximate top-k: exact except for items that are not among the candidates.

    Scores are probabilities over all items. Their denominator is the sum over the items found and an estimate
    of the rest from SAMPLE items, so scores of different answers are only nearly comparable.
    """

    def __init__(self, exact: Exact) -> None:
        self._exact = exact
        self._biased = bool((exact.bias != exact.bias[0]).any())
        self._vectors = self.padded_vectors(exact.items, exact.bias)
        self._flat = flat(self._vectors)
        chance = np.random.default_rng(0).choice(len(self._vectors), SAMPLE, replace=False)
        self._sample = torch.from_numpy(self._vectors[np.sort(chance)]).T.contiguous()

    @property
    @abstractmethod
    def description(self) -> str:
        """The current effort, in words."""

    @abstractmethod
    def set_effort(self, amount: float) -> None:
        """Set how much of the index a query searches."""

    def tune(self, amounts: Iterable[float], held_out: Tensor, recall: float) -> bool:
        """Set the first effort that finds `recall` of the exact top 20 of the queries `held_out` [M, E].

        `amounts` are the efforts to try, in order. False where none of them suffices.
        """
        none_on_view = torch.full((len(held_out),), -1)
        truth = self._exact.top(held_out, none_on_view, MOST_ITEMS).items
        for amount in amounts:
            self.set_effort(amount)
            found = self.top(held_out, none_on_view, MOST_ITEMS).items
            if np.mean([np.isin(*pair).mean() for pair in zip(truth, found, strict=True)]) >= recall:
                return True
        return False

    @abstractmethod
    def candidates(self, asked: Floats, count: int) -> NDArray[np.int64]:
        """About `count` candidates [N, C] of queries [N, D] (`padded_vectors`); -1 where there are fewer."""

    def padded_vectors(self, vectors: Tensor, last: Tensor | None = None) -> Floats:
        """Vectors float32 [N, D], padded to a multiple of STEP; biases that differ are one more dimension.

        `last` [N] are the values of that dimension, ones for queries.
        """
        if self._biased:
            last = torch.ones(len(vectors)) if last is None else last
            vectors = torch.cat([vectors, last[:, None]], 1)
        found: Floats = F.pad(vectors.float(), (0, -vectors.shape[1] % STEP)).contiguous().numpy()
        return found

    def top(self, queries: Tensor, current: Tensor, k: int) -> Ranked:
        """As `Exact.top`; a row with fewer than k candidates is ranked exactly."""
        # faiss keeps the number of threads by thread, so the searching thread sets it.
        faiss.omp_set_num_threads(torch.get_num_threads())
        asked = self.padded_vectors(queries)
        items = self.candidates(asked, min(RERANKED * (k + 1), len(self._vectors)))
        values = np.empty(items.shape, dtype=np.float32)
        places = (faiss.swig_ptr(array) for array in (values, items))
        self._flat.compute_distance_subset(len(asked), faiss.swig_ptr(asked), items.shape[1], *places)
        values[(items < 0) | (items == current.numpy()[:, None])] = -np.inf
        items, values = _best(items, values, k)
        order = np.lexsort((items, -values), axis=1)
        items, values = np.take_along_axis(items, order, 1), np.take_along_axis(values, order, 1)
        total = self._total(torch.from_numpy(asked), torch.from_numpy(values), current)
        ranked = padded(items, values, k)
        chances = np.where(ranked.items < 0, 0, np.exp(ranked.scores - total[:, None])).astype(np.float32)
        short = np.flatnonzero(ranked.items[:, -1] < 0)
        if len(short):
            rows = torch.from_numpy(short)
            ranked.items[short], chances[short] = self._exact.top(queries[rows], current[rows], k)
        return Ranked(ranked.items, chances)

    def _total(self, asked: Tensor, values: Tensor, current: Tensor) -> Floats:
        """Log of the softmax denominator [N]: the best `values` [N, k] and an estimate of the rest."""
        logits = asked @ self._sample
        lowest, most = values[:, -1:], values[:, :1]
        below = logits <= lowest
        # A sampled score that is not below the best k, such as that of an item on view, does not count here.
        rest = logits.sub_(most).clamp_max_(0).exp_().mul_(below).sum(1)
        scale = (len(self._vectors) - values.shape[1]) / below.sum(1, dtype=torch.float32).clamp_min(1)
        known = (values - most).exp_().sum(1)
        found: Floats = torch.logaddexp(
            (known + rest * scale).log() + most[:, 0], self._viewed(asked, current, lowest[:, 0])
        ).numpy()
        return found

    def _viewed(self, asked: Tensor, current: Tensor, lowest: Tensor) -> Tensor:
        """Scores [N] of the items on view, which are no candidates.

        -inf where there is none, or where the estimate of the rest includes it.
        """
        vectors = torch.from_numpy(self._vectors)[current.clamp_min(0)]
        scores = (asked * vectors).sum(1)
        return scores.masked_fill_((current < 0) | (scores <= lowest), -torch.inf)


def _best(items: NDArray[np.int64], values: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """The columns of the k highest values, in any order."""
    if values.shape[1] <= k:
        return items, values
    chosen = np.argpartition(values, -k, axis=1)[:, -k:]
    return np.take_along_axis(items, chosen, 1), np.take_along_axis(values, chosen, 1)


def flat(vectors: Floats) -> Any:
    """A faiss index that multiplies with all vectors."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index
