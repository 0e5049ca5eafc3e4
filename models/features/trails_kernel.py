"""The codes of each visitor of a chunk in a row, those of earlier chunks first."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]


@kernel
def join(
    words: Words,
    slot: NDArray[np.int32],
    fresh: NDArray[np.bool_],
    history: Words,
    lengths: Ints,
    joined: Words,
    place: Ints,
    start: Ints,
) -> None:
    """Into `joined` [H + N, 2] the codes `history` [H, 2] and `words` [N, 2], visitor by visitor.

    `lengths` [B] are the numbers of codes of each visitor in `history`. `place` [N] becomes the index of each
    click in `joined`, `start` [N] that of its session's first code there; a `fresh` click [N] starts one.
    """
    following, began = np.zeros(len(lengths), np.int64), np.empty(len(lengths), np.int64)
    for click in range(len(slot)):
        following[slot[click]] += 1
    at = taken = 0
    for visitor in range(len(lengths)):
        own, known = following[visitor], lengths[visitor]
        joined[at : at + known] = history[taken : taken + known]
        began[visitor], following[visitor] = at, at + known
        at, taken = at + known + own, taken + known
    for click in range(len(slot)):
        visitor = slot[click]
        here = following[visitor]
        joined[here] = words[click]
        if fresh[click]:
            began[visitor] = here
        place[click], start[click], following[visitor] = here, began[visitor], here + 1
