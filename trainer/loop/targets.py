"""Which heads a log can train, and their labels as tensors."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.head_table import BRANDS, CATEGORIES, HEADS, OTHER, OWN_NAMES, HeadPart, Kind, Layout
from models.network.network import Config
from models.state.codes import items as item_hashes
from trainer.examples.click_paths import NEXT, Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS, TAUGHT


class HeadPlan(NamedTuple):
    """The heads of a version with the names of their classes, and the days of absence that are churn."""

    tasks: tuple[tuple[str, tuple[str, ...]], ...]
    churn_days: float

    @classmethod
    def of(cls, config: Config) -> "HeadPlan":
        """The plan of a version."""
        return cls(config.tasks, config.churn_days)


NO_HEADS = HeadPlan((), 0)


def plan(train: Examples, churn_days: float) -> HeadPlan:
    """The heads that the log has labels for, as in `Config.tasks`."""
    seen = item_hashes(train.codes) != 0
    own = {
        CATEGORIES: _own(train.codes["category"][seen], train.names),
        BRANDS: _own(train.observed["brand"][seen], train.names),
    }
    named = [(head, own[head.classes] if isinstance(head.classes, str) else head.classes) for head in HEADS]
    possible = [(h.name, c) for h, c in named if h.kind is not Kind.CLASSES or len(c) > 1]
    layout, paths = Layout.of(possible), Paths(train.grouped(), churn_days)
    taught = tuple((name, classes) for name, classes in possible if _teaches(layout[name], paths))
    return HeadPlan(taught, churn_days)


def _own(hashes: NDArray[np.uint32], names: dict[int, str]) -> tuple[str, ...]:
    """The most frequent names, then `OTHER`; empty if there are none."""
    found, counts = np.unique(hashes[hashes != 0], return_counts=True)
    common = found[np.lexsort((found, -counts))][:OWN_NAMES]
    own = [names[number] for number in common.tolist() if names[number] != OTHER]
    return (*own, OTHER) if own else ()


def _teaches(part: HeadPart, paths: Paths) -> bool:
    if part.head.kind is Kind.RISK:
        return True
    labels = LABELS[part.head.name](paths, part)
    if part.head.name.startswith("search") or part.head.kind is Kind.AMOUNT:
        return bool((labels > 0).any())
    return bool((labels >= 0).any() if labels.ndim == 2 else np.isfinite(labels).any())


class Targets(NamedTuple):
    """Labels by kind: floats [N, heads], NaN if masked; classes int16 [N, heads, NEXT], -1 if masked.

    `buys` [N] is 1 if the session still buys, 0 if it does not, NaN if that is not known or if the click is a
    purchase, after which lines of its order may follow.
    """

    binary: Tensor
    classes: Tensor
    amount: Tensor
    rating: Tensor
    buys: Tensor

    def at(self, clicks: Tensor, device: torch.device) -> "Targets":
        """The labels of some clicks."""
        return Targets(*(labels[clicks].to(device) for labels in self))


def targets(grouped: Examples, planned: HeadPlan) -> Targets:
    """Labels of clicks grouped by session."""
    layout, paths = Layout.of(planned.tasks), Paths(grouped, planned.churn_days)
    return Targets(
        _floats(paths, layout, Kind.BINARY),
        _classes(paths, layout),
        _floats(paths, layout, Kind.AMOUNT),
        _floats(paths, layout, Kind.RATING),
        torch.from_numpy(np.where(grouped.judged, paths.buys, np.nan).astype(np.float32)),
    )


def _floats(paths: Paths, layout: Layout, kind: Kind) -> Tensor:
    found = [TAUGHT[part.head.name](paths, part) for _, part in layout.of_kind(kind)]
    return torch.from_numpy(np.column_stack(found) if found else np.zeros((len(paths.all), 0), np.float32))


def _classes(paths: Paths, layout: Layout) -> Tensor:
    parts = layout.of_kind(Kind.CLASSES)
    made = np.full((len(paths.all), len(parts), NEXT), -1, dtype=np.int16)
    for place, (_, part) in enumerate(parts):
        found = TAUGHT[part.head.name](paths, part)
        made[:, place, : found.shape[1]] = found
    return torch.from_numpy(made)
