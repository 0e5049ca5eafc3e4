"""The two lowest tiers: items popular in the click's category, else items popular in the whole shop.

Counts are the prior of a model version (if there is one) plus the counts of the partition's panes. All are
integers, so that the order of additions has no effect. This tier answers from the first event on, without a
model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.contract.predictions import FallbackTier
from models.features.batch import Batch
from models.scoring.rates import BUILT_IN, StageRates
from models.scoring.scores import MOST_WANTED, TIERS, Scores
from models.state.codes import item_hash
from models.state.codes import items as item_hashes

Count = tuple[str, int, int]
Key = TypeVar("Key")
#: Items of a ranking: the most that can be wanted, and the one on view.
DEPTH = MOST_WANTED + 1


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best DEPTH items of a category (or of all), best first, and their shares of its total weight."""

    ids: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def followed_by(self, rest: "Ranking") -> "Ranking":
        """This ranking, filled up from the wider `rest`, whose shares are scaled to be below this one's."""
        if not self.ids:
            return rest
        own = set(self.ids)
        more = [(i, self.shares[-1] * s) for i, s in zip(rest.ids, rest.shares, strict=True) if i not in own]
        more = more[: DEPTH - len(self.ids)]
        return Ranking(self.ids + tuple(i for i, _ in more), self.shares + tuple(s for _, s in more))


def _rank(counts: dict[str, int]) -> Ranking:
    chosen = nlargest(DEPTH, ((count, item) for item, count in counts.items()))
    total = sum(counts.values())
    return Ranking(tuple(item for _, item in chosen), tuple(count / total for count, _ in chosen))


@dataclass
class Popularity:
    """Weights of items by category hash (0 = no category).

    `prior` has (item id, category hash, weight) of a model version; `add` adds counts of the partition.
    """

    prior: Iterable[Count] = ()
    rates: StageRates = BUILT_IN
    version: str = ""
    _all: dict[str, int] = field(default_factory=dict, init=False)
    _by_category: dict[int, dict[str, int]] = field(default_factory=dict, init=False)
    _own: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    _cache: dict[int, Ranking] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for item, category, count in self.prior:
            self._count(item, category, count)

    def add(self, counts: Iterable[Count]) -> None:
        """Add weights (negative ones when a pane expires); an item of weight 0 or less is removed."""
        for item, category, count in counts:
            key = (item, category)
            _bump(self._own, key, count)
            self._count(item, category, count)

    def with_prior_of(self, base: "Popularity") -> "Popularity":
        """A new Popularity of the partition's own counts and the prior of `base`, which is not changed."""
        other = Popularity((), base.rates, base.version)
        other._all = dict(base._all)
        other._by_category = {category: dict(counts) for category, counts in base._by_category.items()}
        other.add((item, category, count) for (item, category), count in self._own.items())
        return other

    def _count(self, item: str, category: int, count: int) -> None:
        _bump(self._all, item, count)
        self._cache.pop(-1, None)
        if category:
            _bump(self._by_category.setdefault(category, {}), item, count)
            self._cache.pop(category, None)
            if not self._by_category[category]:
                del self._by_category[category]

    def _ranking(self, category: int) -> Ranking:
        """The ranking of a category, or of all items for -1; cached until a count changes."""
        known = self._cache.get(category)
        if known is None:
            counts = self._all if category == -1 else self._by_category.get(category, {})
            known = self._cache[category] = _rank(counts)
        return known

    def score(self, batch: Batch) -> Scores:
        """Answers to all clicks; a row has fewer than `wanted` items only where fewer are known."""
        categories, inverse = np.unique(batch.codes["category"], return_inverse=True)
        overall = self._ranking(-1)
        own = [self._ranking(c) if c in self._by_category else Ranking() for c in categories.tolist()]
        found = np.array([bool(ranking.ids) for ranking in own], dtype=bool)[inverse]
        names, items, shares = _matrix([ranking.followed_by(overall) for ranking in own])
        items, shares = items[inverse], shares[inverse]
        items, scores = _without(items, shares, names, item_hashes(batch.codes), batch.wanted)
        tier = np.where(
            found, TIERS.index(FallbackTier.POPULAR_IN_CATEGORY), TIERS.index(FallbackTier.POPULAR)
        ).astype(np.uint8)
        return Scores(self.rates.purchase(batch.features), items, scores, names, tier)


def _bump(counts: dict[Key, int], key: Key, count: int) -> None:
    total = counts.get(key, 0) + count
    if total > 0:
        counts[key] = total
    else:
        counts.pop(key, None)


def _matrix(rankings: list[Ranking]) -> tuple[NDArray[np.object_], NDArray[np.int32], NDArray[np.float32]]:
    """Distinct names, and per ranking the indices [R, DEPTH] into them (-1: none) and the shares."""
    index: dict[str, int] = {}
    items = np.full((len(rankings), DEPTH), -1, dtype=np.int32)
    shares = np.zeros((len(rankings), DEPTH), dtype=np.float32)
    for row, ranking in enumerate(rankings):
        items[row, : len(ranking.ids)] = [index.setdefault(item, len(index)) for item in ranking.ids]
        shares[row, : len(ranking.ids)] = ranking.shares
    names = np.empty(len(index), dtype=object)
    names[:] = list(index)
    return names, items, shares


def _without(
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    names: NDArray[np.object_],
    current: NDArray[np.uint64],
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The first k items of each row without the item on view."""
    hashes = np.array([*map(item_hash, names), 0], dtype=np.uint64)[items]
    hit = (hashes == current[:, None]) & (items >= 0)
    kept = np.argsort(hit, axis=1, kind="stable")
    items = np.where(hit, -1, items)
    kept, scores = kept[:, :k], np.where(hit, 0, scores)
    return np.take_along_axis(items, kept, 1), np.take_along_axis(scores, kept, 1)
