"""Apply a shop's rules to ranked items: remove barred items, move the following ones up.

Where a rule could remove items, every tier ranks more of them than are asked for, so that an answer stays
full. Remaining items keep their order and scores. The result depends on batch, model and catalogue only, so
the same input gives the same answer.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.catalogue import Catalogue
from models.contract.items import Item
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.scoring.scores import MOST_WANTED, TOP, Scores
from models.serving.shop_rules import ShopRules
from models.state.codes import ITEM_BYTES, category_hash, item_hash
from models.state.codes import items as item_hashes
from models.state.segments import rank_in_group

Bools = NDArray[np.bool_]


class KnownItems(NamedTuple):
    """An array of item names, with which of them are barred for everybody, and their categories' hashes."""

    names: NDArray[np.object_]
    changes: int
    barred: Bools
    categories: NDArray[np.uint32]


class Merchandiser:
    """The rules and the catalogue of a worker; `apply` works on any tier's answers.

    It follows the catalogue, and re-examines all names only when an item became barred or free.
    """

    def __init__(self, rules: ShopRules, catalogue: Catalogue) -> None:
        self.rules = rules
        self._catalogue = catalogue
        self._status = {word.casefold() for word in rules.hidden_status}
        self._blocked_categories = {category_hash(name) for name in rules.blocked_categories}
        named = {category_hash(name) for name in rules.rebuy_categories}
        self._rebought = np.array(sorted(named), dtype=np.uint32)
        self._barred = set(rules.blocked_items)
        self._blocked = frozenset(rules.blocked_items)
        #: Grows when an item becomes barred or free.
        self._changes = 0
        self._latest: KnownItems | None = None
        for item_id in catalogue:
            self.changed(item_id, catalogue.get(item_id))
        catalogue.follow(self.changed)

    @property
    def active(self) -> bool:
        """Whether any rule can remove an item."""
        rules = self.rules
        return bool(
            self._barred or self._blocked_categories or rules.most_per_category or not rules.recommend_bought
        )

    def is_barred(self, item_id: str) -> bool:
        """Whether an item is recommended to nobody, by the rules or by the catalogue."""
        return item_id in self._barred

    def changed(self, item_id: str, item: Item | None) -> None:
        """The catalogue changed an item; None: it was removed."""
        barred = item_id in self._blocked or (item is not None and not self._sold(item))
        if barred != (item_id in self._barred):
            self._changes += 1
            (self._barred.add if barred else self._barred.discard)(item_id)

    def _sold(self, item: Item) -> bool:
        if item.stock is not None and item.stock <= 0 and not self.rules.recommend_out_of_stock:
            return False
        if item.status is not None and item.status.casefold() in self._status:
            return False
        return not (self._blocked_categories and category_hash(item.category) in self._blocked_categories)

    def widened(self, batch: Batch) -> Batch:
        """The batch with `wanted` raised to what the rules may need."""
        return replace(batch, wanted=MOST_WANTED) if self.active else batch

    def apply(
        self, scores: Scores, batch: Batch, words: Vocabulary | None = None, fill: bool = False
    ) -> Scores:
        """The answers without barred items, TOP items a click; `words`: the vocabulary whose names these are.

        Short rows stay short, since the next tier may have more items. With `fill` they are filled with the
        first items of the vocabulary, its most popular ones, at score 0.
        """
        if not self.active:
            return scores
        known = self._known(scores.names, words.categories if words is not None else None)
        made = _compact(scores, self._out(scores, batch, known))
        if fill and (made.items[:, -1] < 0).any():
            longer = _with_reserve(scores, batch, known)
            made = _compact(longer, self._out(longer, batch, known))
        return made

    def _out(self, scores: Scores, batch: Batch, known: KnownItems) -> Bools:
        """Places [N, K] to remove; the rule of categories comes last, since it counts the remaining items."""
        out = (scores.items < 0) | known.barred[scores.items]
        if not self.rules.recommend_bought:
            exempt = np.isin(known.categories[scores.items], self._rebought)
            _bar_bought(out, scores, batch, exempt)
        if self.rules.most_per_category is not None:
            _bar_crowding(out, known.categories[scores.items], self.rules.most_per_category)
        return out

    def _known(self, names: NDArray[np.object_], categories: NDArray[np.uint32] | None) -> KnownItems:
        latest = self._latest
        if latest is None or latest.names is not names or latest.changes != self._changes:
            changes = self._changes
            found = self._looked_up(names) if categories is None else categories
            barred = set(self._barred)
            mask = np.fromiter((name in barred for name in names.tolist()), dtype=bool, count=len(names))
            mask |= np.isin(found, np.array(sorted(self._blocked_categories), dtype=np.uint32))
            # One more entry for the item -1.
            latest = KnownItems(names, changes, np.append(mask, True), np.append(found, np.uint32(0)))
            if categories is not None:
                self._latest = latest
        return latest

    def _looked_up(self, names: NDArray[np.object_]) -> NDArray[np.uint32]:
        items = (self._catalogue.get(name) for name in names.tolist())
        return np.array([category_hash(item.category) if item else 0 for item in items], dtype=np.uint32)


def _bar_bought(out: Bools, scores: Scores, batch: Batch, exempt: Bools) -> None:
    """Exclude what each click's visitor bought last; not items in `exempt` [N, K], which are bought again."""
    click, bought = bought_lately(batch)
    if len(click):
        hashes = np.array([*map(item_hash, scores.names.tolist()), 0], dtype=np.uint64)
        # A click with several items bought has several pairs.
        found = hashes[scores.items[click]] == bought[:, None]
        np.logical_or.at(out, click, found & ~exempt[click])


def bought_lately(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Pairs of a click and the hash of an item that its visitor bought, one of the last 64."""
    counts = np.array([len(bought) // ITEM_BYTES for bought in batch.bought], dtype=np.int64)
    hashes = np.frombuffer(b"".join(batch.bought), dtype="<u8").astype(np.uint64)
    return np.repeat(np.arange(len(counts)), counts), hashes


def _bar_crowding(out: Bools, categories: NDArray[np.uint32], most: int) -> None:
    """Exclude what comes after the `most` best of its category; items without one are not counted."""
    counted = ~out & (categories != 0)
    row, column = np.nonzero(counted)
    key = row.astype(np.uint64) << np.uint64(32) | categories[row, column]
    order = np.argsort(key, kind="stable")
    late = order[rank_in_group(key[order]) >= most]
    out[row[late], column[late]] = True


def _with_reserve(scores: Scores, batch: Batch, known: KnownItems) -> Scores:
    """Rows with a reserve appended: the first items of the vocabulary that are barred for nobody."""
    free = np.flatnonzero(~known.barred[:-1])[:MOST_WANTED].astype(np.int32)
    hashes = np.array([item_hash(name) for name in scores.names[free].tolist()], dtype=np.uint64)
    there = (scores.items[:, :, None] == free).any(1) | (hashes == item_hashes(batch.codes)[:, None])
    items = np.concatenate([scores.items, np.where(there, -1, free).astype(np.int32)], axis=1)
    values = np.concatenate([scores.item_scores, np.zeros(there.shape, dtype=np.float32)], axis=1)
    return replace(scores, items=items, item_scores=values)


def _compact(scores: Scores, out: Bools) -> Scores:
    """The first TOP items that are not `out`, moved up."""
    kept = np.argsort(out, axis=1, kind="stable")[:, :TOP]
    gone = np.take_along_axis(out, kept, 1)
    items = np.where(gone, -1, np.take_along_axis(scores.items, kept, 1)).astype(np.int32)
    values = np.where(gone, np.float32(0), np.take_along_axis(scores.item_scores, kept, 1))
    return replace(scores, items=items, item_scores=values)
