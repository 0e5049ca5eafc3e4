"""Parts of a log by time: what came later is never learned from when it is judged."""

import numpy as np

from trainer.examples.examples import Examples, ExamplesError


def split(examples: Examples, shares: tuple[float, ...]) -> list[Examples]:
    """Parts by the time at which sessions began, oldest first; `shares` of the clicks, adding up to 1.

    Raises ExamplesError where a part would be empty.
    """
    if not len(examples):
        raise ExamplesError("there is no click to split by time; give a longer log")
    began = examples.began
    cuts = np.quantile(began, np.cumsum(shares)[:-1])
    number = np.searchsorted(cuts, began, side="right")
    parts = [examples.part(number == part) for part in range(len(shares))]
    if not all(map(len, parts)):
        raise ExamplesError(f"{len(examples)} clicks are too few to split by time; give a longer log")
    return parts
