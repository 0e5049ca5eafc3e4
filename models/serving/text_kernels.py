"""Which prepared text stands for which number of an answer, click by click."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Answers = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Steps of published probabilities, and of shares, which are cut rather than rounded.
STEPS, SHARE_STEPS = 10_000, 100
#: The likeliest class is always published, others from this share on.
LEAST_SHARE = 0.1


@kernel
def probabilities(answers: Answers, columns: Ints, first: Ints, places: Ints) -> None:
    """Into `places` [N, ...] the text of each probability, from `first` [P] on; 0 where there is none."""
    for click in range(len(answers)):
        for number in range(len(columns)):
            value = np.float64(answers[click, columns[number]])
            known = value == value
            places[click, number] = first[number] + np.int64(np.rint(value * STEPS)) if known else 0


@kernel
def distributions(answers: Answers, columns: Ints, texts: Ints, most: int, first: int, places: Ints) -> None:
    """Into `places` [N, ...] the texts of each distribution's `most` likeliest classes, 0 for none.

    The first goes into column `first`. `columns` [D, 2] are first column and number of classes, `texts`
    [D, 2] the first texts of the likeliest class, and of those behind it: one for each class and share.
    """
    for click in range(len(answers)):
        for number in range(len(columns)):
            left = answers[click, columns[number, 0] : columns[number, 0] + columns[number, 1]].copy()
            for rank in range(most):
                best = highest(left)
                share = np.float64(left[best])
                # Cut, not rounded: no class may exceed the event that it is a part of.
                cut = np.int64(np.rint(share * STEPS)) // (STEPS // SHARE_STEPS) if share >= 0 else 0
                place = texts[number, 1 if rank else 0] + (SHARE_STEPS + 1) * best + cut
                named = share >= (LEAST_SHARE if rank else 0)
                places[click, first + number * most + rank] = place if named else 0
                left[best] = -1


@kernel
def highest(row: Answers) -> int:
    """The place of the highest number, of equal ones the first."""
    best = 0
    for place in range(1, len(row)):
        if row[place] > row[best]:
            best = place
    return best


@kernel
def steps(items: NDArray[np.int32], scores: Answers, most: int, out: Ints) -> bool:
    """Into `out` [N, k] the scores in steps of 1 / `most`; whether all items and scores are such."""
    whole = items.size > 0
    for row in range(len(items)):
        for place in range(items.shape[1]):
            step = np.rint(np.float64(scores[row, place]) * most)
            whole = whole and items[row, place] >= 0 and 0 <= step <= most
            out[row, place] = np.int64(step) if 0 <= step <= most else 0
    return whole
