"""The means that an expected rating starts from (`models.network.ratings`), shrunk by an amount estimated
from the log.

The shrinkage of a mean of few ratings follows from the ratings: their variance within groups divided by that
between groups (empirical Bayes by the method of moments).
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.head_table import Kind
from models.network.network import Network
from models.network.ratings import PULL, Ratings
from models.state.codes import items as item_hashes
from trainer.examples.examples import Examples
from trainer.loop.data import Data

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
#: Bounds of the shrinkage, in ratings.
LEAST_PULL, MOST_PULL = 0.5, 1_000.0
#: Pseudo-clicks that lower the weight of the network's correction.
DOUBT: Final = 100.0


def learn(network: Network, grouped: Examples, data: Data) -> None:
    """Compute the means from `grouped`, the clicks of `data`, and scale the head to the residuals.

    Does nothing if the network has no rating head.
    """
    ratings, tasks = network.ratings, network.tasks
    if ratings is None or tasks is None or data.tasks is None:
        return
    _count(ratings, network.item_categories, grouped, data)
    ratings.trust.zero_()
    for place, (number, _) in enumerate(tasks.layout.of_kind(Kind.RATING)):
        left = data.tasks.rating[:, place] - ratings.cpu()(data.rows, data.features)
        spread = left[~left.isnan()].std(correction=0)
        tasks.lines[number] = torch.stack([spread.clamp_min(0.1), torch.zeros(())])
    ratings.to(network.mean.device)


def _count(ratings: Ratings, kinds: Tensor, grouped: Examples, data: Data) -> None:
    """Fill the tables from the last rating that each visitor gave each item."""
    last = _last(grouped)
    stars = grouped.observed["rating"][last].astype(np.float64)
    rows, sizes = data.rows[last].numpy(), ratings.sizes
    level = stars.mean()
    category = rows[:, 1] - sizes.offsets[1]
    of_category = level + _effects(category, stars - level, sizes.category_rows)
    of_category[0] = level
    of_item = _effects(rows[:, 0], stars - of_category[category], sizes.item_rows)[: 1 + sizes.items]
    of_item[1:] += of_category[kinds.cpu().numpy() - sizes.offsets[1]]
    of_item[0] = level
    ratings.items.copy_(torch.from_numpy(of_item))
    ratings.categories.copy_(torch.from_numpy(of_category))
    ratings.visitors.copy_(torch.tensor([level, pull(grouped.visitor[last], stars - level)]))
    ratings.bounds.copy_(torch.tensor([stars.min(), stars.max()]))


def _last(grouped: Examples) -> Groups:
    """Indices of clicks that rate an item and are their visitor's last rating of it."""
    rated = np.flatnonzero(~np.isnan(grouped.observed["rating"]) & (item_hashes(grouped.codes) != 0))
    order = rated[np.argsort(grouped.ts[rated], kind="stable")][::-1]
    pairs = np.stack([grouped.visitor[order].astype(np.uint64), item_hashes(grouped.codes)[order]])
    _, first = np.unique(pairs, axis=1, return_index=True)
    return order[first]


def _effects(group: Groups, values: Floats, count: int) -> Floats:
    """Group means [count], shrunk to 0; 0 for groups without a value."""
    sums, sizes = np.bincount(group, values, count), np.bincount(group, minlength=count)
    return np.asarray(sums / (sizes + pull(group, values)))


def pull(group: Groups, values: Floats) -> float:
    """Shrinkage of a group's mean to 0, in values: variance within groups divided by variance
    between groups.
    """
    _, place = np.unique(group, return_inverse=True)
    sizes = np.bincount(place)
    total, groups = len(values), len(sizes)
    if groups in (1, total):
        return PULL
    means = np.bincount(place, values) / sizes
    within = float(((values - means[place]) ** 2).sum() / (total - groups))
    apart = float((sizes * (means - values.mean()) ** 2).sum())
    between = (apart - (groups - 1) * within) / (total - (sizes**2).sum() / total)
    return min(MOST_PULL, max(LEAST_PULL, within / between)) if between > 0 else MOST_PULL


def calibrate(network: Network, raw: Tensor, data: Data) -> None:
    """Set the weight of the network's correction to the means from its validation outputs `raw`."""
    ratings, tasks = network.ratings, network.tasks
    if ratings is None or tasks is None or data.tasks is None:
        return
    means = ratings.cpu()(data.rows, data.features)
    for place, (number, part) in enumerate(tasks.layout.of_kind(Kind.RATING)):
        left = data.tasks.rating[:, place] - means
        known = ~left.isnan()
        corrections, left = raw[known, part.raw.start] * tasks.lines[number, 0].cpu(), left[known]
        doubt = 1 + DOUBT / max(1, len(left))
        share = (corrections * left).sum() / (corrections.square().sum() * doubt).clamp_min(1e-9)
        ratings.trust.copy_(share.clamp(0, 1))
    ratings.to(network.mean.device)


def calibrate_like(network: Network, other: Network) -> None:
    """Copy the weight of the network's correction from another network."""
    if network.ratings is not None and other.ratings is not None:
        network.ratings.trust.copy_(other.ratings.trust)
