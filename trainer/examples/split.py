"""Parts of a log by time, so that nothing later than the judged clicks is learned from."""

import numpy as np

from trainer.examples.examples import Examples, ExamplesError


def ended(examples: Examples) -> Examples:
    """The sessions that were over when the log ended; the others may still buy, so they have no label yet.

    Raises ExamplesError if there is none.
    """
    over = examples.part(examples.over)
    if not len(over):
        raise ExamplesError(
            f"none of {len(examples)} clicks is of a session that was over when the log ended: "
            "give a longer log"
        )
    return over


def split(examples: Examples, shares: tuple[float, ...]) -> list[Examples]:
    """Parts by the start time of sessions, oldest first; `shares` of the clicks add up to 1.

    Raises ExamplesError if a part would be empty.
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
