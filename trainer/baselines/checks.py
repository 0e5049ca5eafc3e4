"""Checks of a baseline's inputs."""

import numpy as np
from numpy.typing import NDArray

from models.errors import PathcastError


class BaselineError(PathcastError):
    """A baseline cannot train on, or predict for, its inputs."""


def finite(values: NDArray[np.generic], what: str) -> None:
    """Raise BaselineError if any value is not finite; the message names the first such value and
    its index.
    """
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = tuple(int(at) for at in np.argwhere(wrong)[0])
        raise BaselineError(f"{what} hold {values[place]} at {place}; expected finite numbers only")
