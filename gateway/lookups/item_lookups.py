"""Items by the version in use: those that its network finds alike, and those it has seen most."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.contract.catalogue import Catalogue
from models.registry.versions import Version
from models.serving.merchandising import Merchandiser
from models.state.codes import category_hash, item_hash

#: Most items in an answer.
MOST_ITEMS = 100


class Neighbours(NamedTuple):
    """Embeddings of a version's items with length 1, float32 [V, E]."""

    version: str
    units: NDArray[np.float32]


class PopularOrder(NamedTuple):
    """Places of a version's items that were clicked, the most clicked first."""

    version: str
    places: NDArray[np.int64]


class SimilarItems(NamedTuple):
    """The items most alike an item by a version, best first; None: it does not know the item."""

    version: str
    items: list[dict[str, Any]] | None


class ItemLookups:
    """Leaves out what `shop` bars: items that are out of stock, not sold, or blocked by its rules.

    With many items an answer takes long: ask on a thread.
    """

    def __init__(self, catalogue: Catalogue, shop: Merchandiser) -> None:
        self._catalogue, self._shop = catalogue, shop
        self._neighbours = Neighbours("", np.empty((0, 0), np.float32))
        self._order = PopularOrder("", np.empty(0, np.int64))

    def similar(self, version: Version, item_id: str, limit: int) -> list[dict[str, Any]] | None:
        """The items whose embeddings have the largest cosine with the one of `item_id`; None: unknown."""
        at = int(version.vocabulary.lookup(np.array([item_hash(item_id)], dtype=np.uint64))[0])
        if at < 0 or version.vocabulary.ids[at] != item_id:
            return None
        units = self._units(version)
        cosines = units @ units[at]
        cosines[at] = -np.inf
        return self._listed(version, _best_first(cosines), cosines, limit)

    def popular(self, version: Version, category: str | None, limit: int) -> list[dict[str, Any]]:
        """The items of a category (of all) with the largest share of its clicks in the version's log."""
        places = self._popular(version)
        if category is not None:
            places = places[version.vocabulary.categories[places] == category_hash(category)]
        total = version.popularity[places].sum(dtype=np.float64)
        return self._listed(version, map(int, places), version.popularity / max(total, 1), limit)

    def _listed(
        self, version: Version, order: Iterator[int], scores: NDArray[Any], limit: int
    ) -> list[dict[str, Any]]:
        found = list[dict[str, Any]]()
        for at in order:
            item_id = version.vocabulary.ids[at]
            if np.isfinite(scores[at]) and not self._shop.is_barred(item_id):
                found.append({"item_id": item_id, "score": float(scores[at])} | self._described(item_id))
            if len(found) == limit:
                break
        return found

    def _described(self, item_id: str) -> dict[str, Any]:
        item = self._catalogue.get(item_id)
        told = {} if item is None else {"title": item.title, "category": item.category, "price": item.price}
        return {name: value for name, value in told.items() if value is not None}

    def _popular(self, version: Version) -> NDArray[np.int64]:
        """Sorted once for a version, on the first question."""
        known = self._order
        if known.version != version.id:
            order = np.argsort(-version.popularity.astype(np.float64), kind="stable")
            known = self._order = PopularOrder(version.id, order[version.popularity[order] > 0])
        return known.places

    def _units(self, version: Version) -> NDArray[np.float32]:
        """Computed once for a version, on the first question."""
        known = self._neighbours
        if known.version != version.id:
            with torch.inference_mode():
                table = version.network.item_embeddings()[: len(version.vocabulary.ids)].float().cpu().numpy()
            lengths = np.linalg.norm(table, axis=1, keepdims=True)
            known = self._neighbours = Neighbours(version.id, table / np.maximum(lengths, 1e-12))
        return known.units


def _best_first(scores: NDArray[np.float32]) -> Iterator[int]:
    """Places by falling score, those of equal scores by place; few are sorted before more are asked for."""
    given, wanted, least = 0, 4 * MOST_ITEMS, np.inf
    while least > -np.inf:
        least = np.partition(scores, -wanted)[-wanted] if wanted < len(scores) else -np.inf
        order = np.flatnonzero(scores >= least)
        order = order[np.argsort(-scores[order], kind="stable")]
        yield from map(int, order[given:])
        given, wanted = len(order), 8 * wanted
