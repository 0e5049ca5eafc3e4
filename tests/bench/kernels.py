"""`python -m tests.bench.kernels`: compiled row kernels beside torch's way, microseconds a click, in one run.

Rounds of both alternate on one thread, and the best round counts, because other processes disturb.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from models.network.cells import Recurrent
from models.network.encoder import Shape
from models.network.encoders import build
from models.network.row_steps import RowSteps
from models.network.wave_steps import WaveSteps
from models.retrieval.exact import Exact, in_blocks

CHUNKS = (1, 8, 128, 2_000)
ITEMS = (1_000, 20_000)
WIDTH, ROUNDS, CALLS = 64, 7, 200
#: Clicks of a chunk for each of its visitors.
CLICKS_A_VISITOR = 1.4

Work = Callable[[], object]


def steps(encoder: str, clicks: int) -> tuple[Work, Work]:
    """The states after a chunk's clicks, by kernel and by torch."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    made = build(Shape(encoder, WIDTH, WIDTH, layers=0, attention_heads=2, window=0, dropout=0.0)).eval()
    assert isinstance(made, Recurrent)
    cells = made.cells()
    gates = (torch.randn(2_000, WIDTH) @ cells[0].into).contiguous()
    carried = torch.zeros(clicks, sum(cell.units for cell in cells))
    slots = rng.integers(0, max(1, int(clicks / CLICKS_A_VISITOR)), clicks)
    given = carried, slots, np.zeros(clicks, dtype=bool), rng.integers(0, len(gates), (clicks, 7))
    rows, waves = RowSteps(gates, cells, torch.float16), WaveSteps(gates, cells, torch.float16)
    return lambda: rows(*given), lambda: waves(*given)


def ranking(items: int, clicks: int) -> tuple[Work, Work]:
    """The best 20 items of a chunk's clicks, by kernel and by torch."""
    torch.manual_seed(0)
    queries, exact = torch.randn(clicks, WIDTH), Exact(torch.randn(items, WIDTH), torch.randn(items))
    current = torch.randint(-1, items, (clicks,))
    return (
        lambda: exact.top(queries, current, 20),
        lambda: in_blocks(queries, exact.columns, exact.bias, current, 20),
    )


def compared(kernel: Work, other: Work, clicks: int) -> tuple[float, float]:
    """Microseconds a click of both."""
    calls = max(1, CALLS // clicks)
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        for place, work in enumerate((kernel, other)):
            began = time.perf_counter()
            for _ in range(calls):
                work()
            best[place] = min(best[place], (time.perf_counter() - began) / calls / clicks * 1e6)
    return best[0], best[1]


def measured() -> Iterator[tuple[str, int, float, float]]:
    """Title, clicks of a chunk, microseconds a click of the kernel and of torch."""
    for clicks in CHUNKS:
        for encoder in ("gru", "lstm"):
            yield f"step, {encoder}", clicks, *compared(*steps(encoder, clicks), clicks)
        for items in ITEMS:
            yield f"best of {items:,} items", clicks, *compared(*ranking(items, clicks), clicks)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    for title, clicks, kernel, other in measured():
        print(f"{title:22} chunk {clicks:5}: kernel {kernel:7.1f} us a click, torch {other:7.1f}")
