"""Robustness to bad inputs: the figures when a share of the scored clicks' values is missing or is taken from
another click.

A value is a feature with all its columns, or a field of the click's code except the event, since a click
without an event is refused.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.features.features import COLUMNS, missing
from models.scoring.scores import Scorer
from models.state.codes import PAGE
from trainer.evaluation.evaluate import answers
from trainer.examples.examples import Examples
from trainer.logs.warmup import since

Kind = Literal["missing", "noise"]
KINDS: Final[tuple[Kind, ...]] = ("missing", "noise")
SHARES: Final = (0.05, 0.1, 0.2)
Places = NDArray[np.int64]
#: Fields of a code that are corrupted.
_FIELDS: Final = ("item", "category", "dwell", "price")


def corrupted(examples: Examples, kind: Kind, share: float, seed: int) -> Examples:
    """The examples with about `share` of the values of each feature and code field corrupted."""
    random = np.random.default_rng(seed)
    rows, codes = examples.features.copy(), examples.codes.copy()
    for name, columns in COLUMNS.items():
        hit, donors = _drawn(len(rows), share, random)
        values = examples.features[np.ix_(donors, columns)] if kind == "noise" else missing()[columns]
        if name != "event":
            rows[np.ix_(hit, columns)] = values
    for field in _FIELDS:
        hit, donors = _drawn(len(codes), share, random)
        codes[field][hit] = 0 if kind == "missing" else examples.codes[field][donors]
        if field == "item":
            # The flag that says whether the field is an item or a page belongs to the field.
            flags = 0 if kind == "missing" else examples.codes["flags"][donors] & PAGE
            codes["flags"][hit] = (codes["flags"][hit] & (255 - PAGE)) | flags
    return replace(examples, features=rows, codes=codes)


def _drawn(
    count: int, share: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the corrupted clicks, and of the clicks that their values are taken from."""
    hit = np.flatnonzero(random.random(count) < share)
    return hit, random.integers(0, count, len(hit))


def robustness_figures(
    scorer: Scorer, examples: Examples, first: int = 0, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """AUC, average precision and recall@20 for the original inputs, then by kind and share of corruption.

    Clicks from index `first` on are judged; earlier clicks of their sessions are corrupted as well. Raises
    ExamplesError if there is nothing to judge.
    """
    grouped, scored = since(examples, first)
    yield {"kind": "none", "share": 0.0, **_figures(scorer, grouped, scored)}
    for kind in KINDS:
        for share in SHARES:
            hurt = corrupted(grouped, kind, share, seed)
            yield {"kind": kind, "share": share, **_figures(scorer, hurt, scored)}


def _figures(scorer: Scorer, grouped: Examples, scored: NDArray[np.bool_]) -> dict[str, float]:
    answered, judged = answers(scorer, grouped), scored & grouped.judged & grouped.over
    chances, labels = answered.purchase[judged], grouped.buys[judged]
    return {
        "auc": quality_metrics.auc(chances, labels),
        "average_precision": quality_metrics.average_precision(chances, labels),
        "recall@20": quality_metrics.at_ranks(answered.ranks[scored & (grouped.target != 0)])[0],
    }
