"""Ranked items as JSON, a whole chunk at once: recurring parts are encoded once and looked up.

Twenty items of a thousand, each with a score of five decimals, are forty look-ups in two tables; as structs
they would be twenty objects a click.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.predictions import ScoredItem, scored
from models.feedback.recommended import TAG_BYTES, tag_of
from models.scoring.scores import Scores
from models.serving import text_kernels

#: Decimals of published item scores: scores only rank, so five are enough.
SCORE_DECIMALS = 5
_STEPS = 10**SCORE_DECIMALS

_encode = msgspec.json.Encoder().encode


def _objects(values: list[bytes]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


#: The end of an item by its score in steps of 0.00001: `0.12345}`.
_ENDS = _objects([_encode(step / _STEPS) + b"}" for step in range(_STEPS + 1)])


class ItemNames:
    """The beginnings of items, `{"item_id":"...","score":`, for one array of names."""

    def __init__(self, names: NDArray[np.object_]) -> None:
        self.names = names
        texts = [b'{"item_id":' + _encode(name) + b',"score":' for name in names.tolist()]
        self.first = _objects([b"[" + text for text in texts])
        self.next = _objects([b"," + text for text in texts])
        self.tags: NDArray[np.uint16] = np.array([tag_of(name) for name in names.tolist()], dtype="<u2")


class ItemsEncoder:
    """Lists of items as JSON; caches the latest array of names, as a rule a version's vocabulary."""

    def __init__(self) -> None:
        self._latest: ItemNames | None = None

    def lists(self, scores: Scores) -> list[bytes]:
        """The JSON of `Recommendations.items` for every click."""
        steps = np.empty(scores.items.shape, dtype=np.int64)
        if not text_kernels.steps(scores.items, scores.item_scores, _STEPS, steps):
            return _one_by_one(scores)
        names = self._names(scores.names)
        rows, width = scores.items.shape
        parts = np.empty((rows, 2 * width), dtype=object)
        parts[:, 0::2] = names.next[scores.items]
        parts[:, 0] = names.first[scores.items[:, 0]]
        parts[:, 1::2] = _ENDS[steps]
        join = b"".join
        return [join(row) + b"]" for row in parts.tolist()]

    def tags(self, scores: Scores) -> list[bytes]:
        """By click the tags of its items, best first, as `models.feedback.recommended` keeps them."""
        items, tags = scores.items, self._names(scores.names).tags
        if not items.size:
            return [b""] * len(items)
        if (items >= 0).all():
            packed, width = tags[items].tobytes(), TAG_BYTES * items.shape[1]
            return [packed[at : at + width] for at in range(0, len(packed), width)]
        return [tags[row[row >= 0]].tobytes() for row in items]

    def _names(self, names: NDArray[np.object_]) -> ItemNames:
        known = self._latest
        if known is None or known.names is not names:
            known = self._latest = ItemNames(names)
        return known


def _one_by_one(scores: Scores) -> list[bytes]:
    """The slow path: rows with fewer items than others, or scores outside [0, 1)."""
    rows: list[Any] = (np.rint(scores.item_scores.astype(np.float64) * _STEPS) / _STEPS).tolist()
    return [_encode(_items(ids, row)) for ids, row in zip(scores.item_ids(), rows, strict=True)]


def _items(ids: list[str], row: list[float]) -> list[ScoredItem]:
    return scored(ids, row[: len(ids)])
