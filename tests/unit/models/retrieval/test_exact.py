"""Both ways to the exact top-k, of CPUs and of devices, against a full sort; both run on a CPU."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from models.retrieval.exact import Exact, Ranked, in_blocks


def by_kernel(queries: Tensor, table: Tensor, bias: Tensor, current: Tensor, k: int) -> Ranked:
    """As `in_blocks`."""
    return Exact(table.T, bias).top(queries, current, k)


@pytest.mark.parametrize(
    ("rows", "items"), [(1, 1), (3, 5), (300, 1000), (2, 20), (2, 21), (9, 2561), (70, 4099)]
)
@pytest.mark.parametrize("top", [by_kernel, in_blocks])
def test_top_items_are_those_of_a_full_sort(rows: int, items: int, top: Callable[..., Ranked]) -> None:
    torch.manual_seed(rows * items)
    queries, table, bias = torch.randn(rows, 8), torch.randn(8, items), torch.randn(items)
    current = torch.randint(-1, items, (rows,))
    ranked = top(queries, table, bias, current, 20)
    chances = torch.softmax(queries @ table + bias, 1).numpy()
    for row, item in enumerate(current.tolist()):
        if item >= 0:
            chances[row, item] = 0
        expected = np.sort(chances[row][chances[row] > 0])[::-1][:20]
        np.testing.assert_allclose(ranked.scores[row, : len(expected)], expected, rtol=1e-4)
        assert (ranked.items[row, len(expected) :] == -1).all()
        assert item < 0 or item not in ranked.items[row]
