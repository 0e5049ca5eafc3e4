"""The values of a click's features in their own units, as packed rows hold them."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.features import PACK, PACKED

_VALUE: Final = 8
_WIDTH: Final = len(PACK(*[0.0] * len(PACKED), b"")) // _VALUE
_PLACES: Final = {feature.name: place for place, feature in enumerate(PACKED)}


def raw_values(rows: bytes, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Columns float64 [N] of N packed rows by name; NaN where a value is missing.

    Amounts are in currency units, `since_...` in milliseconds and below 0 where it never was.
    """
    table = np.frombuffer(rows, dtype=np.float64).reshape(-1, _WIDTH)
    return {name: table[:, _PLACES[name]] for name in names}
