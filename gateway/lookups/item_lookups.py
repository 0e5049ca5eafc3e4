"""Items by the version in use: those that its network finds alike, and those it has seen most."""

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


class SimilarItems(NamedTuple):
    """The items most alike an item by a version, best first; None: it does not know the item."""

    version: str
    items: list[dict[str, Any]] | None


class ItemLookups:
    """Leaves out what `shop` bars: items that are out of stock, not sold, or blocked by its rules."""

    def __init__(self, catalogue: Catalogue, shop: Merchandiser) -> None:
        self._catalogue, self._shop = catalogue, shop
        self._neighbours = Neighbours("", np.empty((0, 0), np.float32))

    def similar(self, version: Version, item_id: str, limit: int) -> list[dict[str, Any]] | None:
        """The items whose embeddings have the largest cosine with the one of `item_id`; None: unknown."""
        at = int(version.vocabulary.lookup(np.array([item_hash(item_id)], dtype=np.uint64))[0])
        if at < 0 or version.vocabulary.ids[at] != item_id:
            return None
        units = self._units(version)
        cosines = units @ units[at]
        cosines[at] = -np.inf
        return self._listed(version, np.argsort(-cosines, kind="stable"), cosines, limit)

    def popular(self, version: Version, category: str | None, limit: int) -> list[dict[str, Any]]:
        """The items of a category (of all) with the largest share of its clicks in the version's log."""
        weights = version.popularity.astype(np.float64)
        if category is not None:
            weights = np.where(version.vocabulary.categories == category_hash(category), weights, 0)
        shares = weights / max(weights.sum(), 1)
        order = np.argsort(-shares, kind="stable")
        return self._listed(version, order[shares[order] > 0], shares, limit)

    def _listed(
        self, version: Version, order: NDArray[np.int64], scores: NDArray[Any], limit: int
    ) -> list[dict[str, Any]]:
        found = list[dict[str, Any]]()
        for at in order.tolist():
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

    def _units(self, version: Version) -> NDArray[np.float32]:
        """Computed once for a version, on the first question."""
        if self._neighbours.version != version.id:
            with torch.inference_mode():
                table = version.network.item_embeddings()[: len(version.vocabulary.ids)].float().cpu().numpy()
            lengths = np.linalg.norm(table, axis=1, keepdims=True)
            self._neighbours = Neighbours(version.id, table / np.maximum(lengths, 1e-12))
        return self._neighbours.units
