"""Data augmentation of sessions: cropping, masking, and swapping of clicks within a second.

Crop and mask as in CL4SRec (Xie et al. 2022, "Contrastive learning for sequential recommendation"), here as
plain augmentation of the training data. Each epoch draws anew, from the seed and the epoch's number alone.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.vocabulary import Sizes
from trainer.loop.data import Data
from trainer.loop.options import Options

#: Sessions with fewer clicks than this are not cropped; a crop keeps at least half of the clicks.
SHORTEST = 4
#: Fields that identify what was clicked: item, category, page; the first row of each means none.
_IDENTITY = (0, 1, 6)
#: Range of dwell buckets of less than about a second (`models.state.codes.dwell_bucket`).
_AT_ONCE = (1, 4)


def augmented(data: Data, sizes: Sizes, options: Options, epoch: int) -> Data:
    """The data of one epoch; the same object if no augmentation is requested."""
    if not (options.crop or options.mask or options.reorder):
        return data
    random = np.random.default_rng([options.seed, epoch])
    if options.reorder:
        data = _reordered(data, sizes, options.reorder, random)
    if options.crop:
        data = _cropped(data, options.crop, random)
    if options.mask:
        data = data._replace(rows=masked(data.rows, _chosen(len(data.rows), options.mask, random), sizes))
    return data


def masked(rows: Tensor, chosen: Tensor, sizes: Sizes) -> Tensor:
    """Input rows `[..., FIELDS]` in which item, category and page of the chosen clicks are unknown."""
    hidden = rows.clone()
    for field in (0, 1, 6):
        hidden[..., field] = torch.where(
            chosen, (0, *sizes.offsets)[0 if field == 0 else field + 1], rows[..., field]
        )
    return hidden


def _chosen(count: int, share: float, random: np.random.Generator) -> Tensor:
    return torch.from_numpy(random.random(count) < share)


def _reordered(data: Data, sizes: Sizes, share: float, random: np.random.Generator) -> Data:
    """Pairs of clicks within a second, `share` of them swapped; labels other than the next item stay with
    their click.
    """
    dwell = data.rows[:, 3].numpy() - sizes.offsets[3]
    swapped = (dwell >= _AT_ONCE[0]) & (dwell <= _AT_ONCE[1]) & (random.random(len(dwell)) < share)
    swapped[data.bounds[:-1]] = False
    # A click takes part in at most one swap.
    swapped[1:] &= ~swapped[:-1]
    second = np.flatnonzero(swapped)
    order = np.arange(len(dwell))
    order[second], order[second - 1] = second - 1, second
    reordered = _taken(data, order, data.bounds)
    return reordered._replace(target=torch.from_numpy(_followed(data, reordered, second, sizes)))


def _followed(before: Data, after: Data, second: NDArray[np.int64], sizes: Sizes) -> NDArray[np.int64]:
    """Next items `[N]` after swapping; the target of a segment's last click does not change."""
    items = after.rows[:, 0].numpy() - 1
    known = np.where((items >= 0) & (items < sizes.items), items, -1)
    following = np.append(known[1:], -1)
    ends = before.bounds[1:] - 1
    following[ends] = before.target.numpy()[ends]
    following = np.where(following == known, -1, following)
    touched = np.unique(np.concatenate([second - 2, second - 1, second]))
    touched = touched[touched >= 0]
    target = before.target.numpy().copy()
    target[touched] = following[touched]
    return target


def _cropped(data: Data, share: float, random: np.random.Generator) -> Data:
    """`share` of the segments cropped to a random range of at least half their clicks."""
    lengths = np.diff(data.bounds)
    cut = (random.random(len(lengths)) < share) & (lengths >= SHORTEST)
    kept = np.where(cut, np.ceil(lengths * random.uniform(0.5, 1, len(lengths))), lengths).astype(np.int64)
    starts = data.bounds[:-1] + np.floor(random.random(len(lengths)) * (lengths - kept + 1)).astype(np.int64)
    bounds = np.append(0, np.cumsum(kept))
    return _taken(data, np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], kept), bounds)


def _taken(data: Data, order: NDArray[np.int64], bounds: NDArray[np.int64]) -> Data:
    """The clicks `order` with all their labels, in segments with these `bounds`."""
    taken: Data = _picked(data._replace(bounds=None), torch.from_numpy(order))  # type: ignore[arg-type]
    return taken._replace(bounds=bounds)


def _picked(value: Any, order: Tensor) -> Any:
    if isinstance(value, Tensor):
        return value[order]
    if isinstance(value, tuple):
        return type(value)(*(_picked(part, order) for part in value))
    return value
