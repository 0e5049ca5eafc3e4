"""The fallback chain: neural, else session kNN, else popular in category, else popular."""

from dataclasses import replace

import numpy as np

from models.contract.catalogue import Catalogue
from models.features.batch import Batch
from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.scoring.scores import Scores, ScoringError
from models.scoring.session_knn import NeighbourScorer
from models.serving.merchandising import Merchandiser
from models.serving.shop_rules import ShopRules

#: No catalogue and no rules: nothing is left out.
LENIENT = Merchandiser(ShopRules(), Catalogue())


def neural(version: Version | None, batch: Batch, shop: Merchandiser = LENIENT) -> Scores | None:
    """The top tier's answers; None where there is no model or it failed, then `fallback` answers."""
    if version is None:
        return None
    batch = shop.widened(batch)
    try:
        scores = version.neural.score(batch)
    except ScoringError:
        return None
    return shop.apply(scores, batch, version.vocabulary, fill=True)


def fallback(
    batch: Batch,
    popularity: Popularity,
    neighbours: NeighbourScorer | None = None,
    shop: Merchandiser = LENIENT,
) -> Scores:
    """Answers from below the neural tier, click by click from the highest tier that has one.

    `neighbours`: the session kNN; None where there is no model, or no time for it.
    """
    batch = shop.widened(batch)
    popular = shop.apply(popularity.score(batch), batch)
    if neighbours is None:
        return popular
    return _over(shop.apply(neighbours.score(batch), batch, neighbours.vocabulary), popular)


def _over(upper: Scores, lower: Scores) -> Scores:
    """`upper` where it has any item, else `lower`; names of both side by side."""
    empty = upper.items[:, :1] < 0
    shifted = np.where(lower.items < 0, -1, lower.items + len(upper.names)).astype(np.int32)
    return replace(
        upper,
        items=np.where(empty, shifted, upper.items),
        item_scores=np.where(empty, lower.item_scores, upper.item_scores),
        names=np.concatenate([upper.names, lower.names]),
        tier=np.where(empty[:, 0], lower.tier, upper.tier),
    )
