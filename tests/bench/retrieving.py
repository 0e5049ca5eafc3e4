"""What the best 20 of a catalogue cost, all ranked or by a short list, and how many of the best are found.

Items and queries are made up in the shape that was seen in a network trained on Diginetica: items in all 64
directions, in neighbourhoods of unequal size; queries with 79% of their energy in 8 directions, 95% in 16.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.retrieval.exact import Exact, Retriever
from models.retrieval.ivf import IvfIndex
from models.retrieval.select import select_retriever
from models.scoring.scores import TOP
from tests.bench.scoring import BATCH, timed

CATALOGUES = (1_000, 20_000, 50_000, 200_000)
WIDTH, GROUPS, SCALE = 64, 500, 14.0
#: Energy of the queries in a direction to that in the one before.
FADING = 0.825
#: Queries that a short list learns from, and others to judge it by.
LEARNED, JUDGED = 4_000, 2_048
#: Microseconds a query that the way chosen for 50,000 items should take at most.
GOAL = {50_000: 30.0}


def world(items: int) -> tuple[Tensor, Tensor]:
    """Unit vectors [V, WIDTH] and queries [LEARNED + JUDGED, WIDTH] of length SCALE."""
    chance = torch.Generator().manual_seed(items)
    centres = torch.randn(GROUPS, WIDTH, generator=chance)
    group = (GROUPS * torch.rand(items, generator=chance) ** 2).long()
    vectors = F.normalize(centres[group] + torch.randn(items, WIDTH, generator=chance), dim=1)
    axes = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=chance))[0]
    heard = axes * FADING ** (torch.arange(WIDTH) / 2) @ axes.T
    wanted = vectors[torch.randint(items, (LEARNED + JUDGED,), generator=chance)]
    return vectors, SCALE * F.normalize(wanted @ heard, dim=1)


def retrieving(
    seconds: float, say: Callable[[str], None], catalogues: tuple[int, ...] = CATALOGUES
) -> dict[str, dict[str, Any]]:
    """By catalogue: microseconds a query of both ways, recall of the second, and what that looks at.

    On all cores. Where no short list finds enough, the worker ranks all, and so there is no second figure.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        return {f"{items:,} items": _catalogue(items, seconds, say) for items in catalogues}
    finally:
        torch.set_num_threads(threads)


def _catalogue(items: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    vectors, queries = world(items)
    exact = Exact(vectors, torch.zeros(items))
    found = {**both_ways(exact, queries[:LEARNED], queries[LEARNED:], seconds), "goal": GOAL.get(items)}
    say(f"retrieving: {items:,} items {found}")
    return found


def both_ways(exact: Exact, asked: Tensor, judged: Tensor, seconds: float) -> dict[str, Any]:
    """The costs of `retrieving`; a short list learns from `asked` queries, others judge it."""
    found: dict[str, Any] = {"exact_us": _cost(exact, judged, seconds)}
    near = select_retriever(exact, asked)
    if isinstance(near, IvfIndex):
        found["near_us"] = _cost(near, judged, seconds)
        pairs = zip(_items(exact, judged), _items(near, judged), strict=True)
        found["recall"] = float(np.mean([np.isin(*pair).mean() for pair in pairs]))
        found["looked_at"] = near.description
    return found


def _items(way: Retriever, queries: Tensor) -> np.ndarray:
    return way.top(queries, torch.full((len(queries),), -1), TOP).items


def _cost(way: Retriever, queries: Tensor, seconds: float) -> float:
    """Microseconds a query, in batches of BATCH."""
    batches = queries.split(BATCH)
    return timed(lambda: [_items(way, batch) for batch in batches], seconds) / len(queries) * 1e6
