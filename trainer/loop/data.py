"""Examples as tensors, and as batches of sessions."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.vocabulary import Vocabulary
from trainer.examples.examples import Examples, segments
from trainer.examples.session_weights import session_weights
from trainer.loop.targets import NO_HEADS, HeadPlan, Targets, targets


class Soft(NamedTuple):
    """Soft targets of the teachers for each click: next items [N, M] and their shares [N, M]."""

    items: Tensor
    shares: Tensor


class Data(NamedTuple):
    """Segments of sessions as tensors over all clicks: table rows [N, FIELDS], features [N, F], labels [N].

    `target` is the index of the next item, -1 if there is none. `buys` is 1 if the session still buys, and
    `judged` tells whether that counts. `bounds` [S + 1] are the ends of the segments. `position` is the
    index of the click in its session. `tasks` are the labels of the further heads, if there are any. `soft`
    are the teachers' targets in a distillation. `weight` [N] is what each click counts in the losses of
    intent and of the further heads, with mean 1; None: all the same.
    """

    rows: Tensor
    features: Tensor
    target: Tensor
    buys: Tensor
    judged: Tensor
    bounds: NDArray[np.int64]
    position: Tensor
    tasks: Targets | None = None
    soft: Soft | None = None
    weight: Tensor | None = None


def prepare(
    examples: Examples,
    vocabulary: Vocabulary,
    longest: int,
    plan: HeadPlan = NO_HEADS,
    exponent: float = 0.0,
) -> Data:
    """Tensors of the examples in the order of sessions, with labels of the heads in `plan`.

    Clicks weigh 1 / clicks of the session ** `exponent`.
    """
    grouped = examples.grouped()
    weights = torch.from_numpy(session_weights(grouped.session, exponent)) if exponent else None
    numbers = segments(grouped.session, longest)
    return Data(
        torch.from_numpy(vocabulary.rows(grouped.codes)),
        torch.from_numpy(grouped.features),
        torch.from_numpy(vocabulary.lookup(grouped.target)),
        torch.from_numpy(grouped.buys.astype(np.float32)),
        torch.from_numpy(grouped.judged),
        np.append(0, np.flatnonzero(np.diff(numbers, append=-1)) + 1),
        torch.from_numpy(grouped.position),
        targets(grouped, plan) if plan.tasks else None,
        weight=weights,
    )


def batches(data: Data, clicks: int, shuffle: np.random.Generator | None) -> list[NDArray[np.int64]]:
    """Batches of segments of similar length, about `clicks` clicks each; `shuffle` None: in fixed order."""
    lengths = np.diff(data.bounds)
    jitter = shuffle.random(len(lengths)) if shuffle else np.zeros(len(lengths))
    order = np.lexsort((jitter, lengths))
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[order]) // clicks)) + 1
    chunks = np.split(order, cuts)
    if shuffle:
        shuffle.shuffle(chunks)
    return chunks


def padded(bounds: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Click indices of the chosen segments `[B, T]`, and a mask of valid ones; the others are index 0."""
    starts, lengths = torch.from_numpy(bounds[chosen]), torch.from_numpy(np.diff(bounds)[chosen])
    steps = torch.arange(int(lengths.max()))
    inside = steps < lengths[:, None]
    return torch.where(inside, starts[:, None] + steps, 0), inside
