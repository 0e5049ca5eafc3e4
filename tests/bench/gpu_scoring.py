"""Scoring on a device beside one CPU core: how long a batch takes, and whether answers are the same."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.features.batch import Batch
from models.network.network import Network
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import TOP, Scores
from models.state.codes import CODE
from tests.bench.gpu_clicks import MODEL, UNIT, Shop

#: Largest difference from the CPU's answers, relative above 1.
TOLERANCE = 1e-3
#: bf16 keeps 8 bits of a number: its differences are told, not judged by TOLERANCE.
BF16_TOLERANCE = 0.1
#: Clicks of a session that the network reads in one pass.
CLICKS = 8
Answers = tuple[NDArray[np.float32], ...]


class Mode(NamedTuple):
    """How the network computes: its numbers, and whether torch.compile made one function of it."""

    name: str
    dtype: torch.dtype
    compiled: bool


MODES = (
    Mode("fp32", torch.float32, False),
    Mode("bf16", torch.bfloat16, False),
    Mode("fp32 compiled", torch.float32, True),
    Mode("bf16 compiled", torch.bfloat16, True),
)


@dataclass(frozen=True)
class Timing:
    """Microseconds a click for batches of `clicks`, and the largest difference from the CPU's answers.

    `skipped` says why a mode could not be measured; its figures are None.
    """

    mode: str
    device: str
    clicks: int
    us: float | None
    difference: float | None
    skipped: str = ""

    @property
    def held(self) -> bool:
        """Whether the answers are those of the CPU."""
        most = BF16_TOLERANCE if "bf16" in self.mode else TOLERANCE
        return self.difference is None or self.difference <= most


class Pass(nn.Module):
    """All arithmetic of a network for N clicks, from the rows of their sessions to the best items."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("items", network.item_embeddings().detach())

    def forward(self, rows: Tensor, features: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Purchase probabilities [N], and probabilities of the best items [N, TOP]."""
        network = self.network
        states = network.encode(rows)[:, -1]
        inputs = network.head_inputs(states, features)
        chance = network.calibrated(network.purchase_of(inputs), position)
        assert network.tasks is not None
        heads = network.tasks(inputs)
        logits = network.queries(states) @ self.items.T + network.item_bias
        best = torch.topk(torch.softmax(logits, -1), TOP).values
        return chance + 0 * heads.sum(-1), best


def served(shop: Shop, device: str, sizes: tuple[int, ...], seconds: float) -> Iterator[Timing]:
    """`NeuralScorer.score` as a worker calls it, with visitors' states at hand."""
    network = shop.network()
    here = _scorer(shop, network, "cpu")
    hidden = here.score(shop.batch(UNIT)).hidden_bytes()
    # Answers to one unit are enough: larger batches repeat it.
    right = _answers(here.score(shop.batch(UNIT, hidden)))
    there = _scorer(shop, shop.network(), device)
    for clicks in sizes:
        batch = shop.batch(clicks, hidden)
        spent = timed(lambda given=batch: there.score(given), device, seconds)
        found = tuple(part[:UNIT] for part in _answers(there.score(batch)))
        yield Timing("served", device, clicks, spent / len(batch) * 1e6, difference(found, right))


def passes(
    shop: Shop, device: str, sizes: tuple[int, ...], seconds: float, modes: tuple[Mode, ...], backend: str
) -> Iterator[Timing]:
    """The bare network in every mode, its input and output on the device.

    A compiled mode is skipped where torch.compile fails: it needs a C++ compiler.
    """
    right = _numpy(Pass(shop.network())(*_tensors(shop, UNIT, "cpu")))
    for mode in modes:
        work = nn.Module.to(Pass(shop.network()), device)
        call = torch.compile(work, dynamic=True, backend=backend) if mode.compiled else work
        for clicks in sizes:
            given = _tensors(shop, clicks, device)
            try:
                yield _passed(call, given, mode, seconds, right)
            except RuntimeError as error:
                if not mode.compiled:
                    raise
                yield Timing(mode.name, device, clicks, None, None, f"skipped: {type(error).__name__}")


def _passed(
    call: Callable[..., tuple[Tensor, ...]],
    given: tuple[Tensor, ...],
    mode: Mode,
    seconds: float,
    right: Answers,
) -> Timing:
    device, clicks = given[0].device.type, len(given[0])
    with torch.autocast(device, mode.dtype, enabled=mode.dtype is not torch.float32):
        spent = timed(lambda: call(*given), device, seconds)
        found = tuple(part[:UNIT] for part in _numpy(call(*given)))
    return Timing(mode.name, device, clicks, spent / clicks * 1e6, difference(found, right))


def timed(call: Callable[[], object], device: str, seconds: float) -> float:
    """Seconds of a call, the median of as many as fit in `seconds`, at least three after one for set-up."""
    taken: list[float] = []
    call()
    ends = time.perf_counter() + seconds
    while len(taken) < 3 or time.perf_counter() < ends:
        _wait(device)
        started = time.perf_counter()
        call()
        _wait(device)
        taken.append(time.perf_counter() - started)
    return median(taken)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def difference(found: Answers, right: Answers) -> float:
    """The largest difference of all answers, relative where they are above 1; infinite for one not finite."""
    parts = [
        np.abs(ours - true) / np.maximum(1, np.abs(true)) for ours, true in zip(found, right, strict=True)
    ]
    worst = max(float(part.max()) for part in parts)
    return worst if np.isfinite(worst) else float("inf")


def _scorer(shop: Shop, network: Network, device: str) -> NeuralScorer:
    return NeuralScorer(network, shop.words, "made up", MODEL, device)


def _answers(scores: Scores) -> Answers:
    assert scores.tasks is not None
    return scores.purchase, scores.item_scores, np.nan_to_num(scores.tasks)


def _numpy(found: tuple[Tensor, ...]) -> Answers:
    return tuple(part.detach().float().cpu().numpy() for part in found)


def _tensors(shop: Shop, clicks: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    batch: Batch = shop.batch(UNIT)
    codes = [np.frombuffer(past, CODE)[-CLICKS:] for past in batch.history]
    rows = torch.from_numpy(shop.words.rows(np.concatenate(codes)).reshape(len(codes), CLICKS, -1))
    given = rows, torch.from_numpy(batch.features), torch.from_numpy(batch.position)
    repeats = max(1, clicks // UNIT)
    rows, features, position = (part.repeat(repeats, *[1] * (part.dim() - 1)).to(device) for part in given)
    return rows, features, position
