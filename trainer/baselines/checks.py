"""What no baseline takes: values that are no numbers."""

import numpy as np
from numpy.typing import NDArray

from models.errors import PathcastError


class BaselineError(PathcastError):
    """A baseline cannot learn from, or answer, what it was given."""


def finite(values: NDArray[np.generic], what: str) -> None:
    """Raises BaselineError where a value is not finite, with its first place."""
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = tuple(int(at) for at in np.argwhere(wrong)[0])
        raise BaselineError(f"{what} hold {values[place]} at {place}; expected finite numbers only")
