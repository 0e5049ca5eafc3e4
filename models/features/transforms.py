"""From packed feature rows to columns of float32.

A live chunk has few clicks, so the number of calls decides its cost; a whole log is transformed in blocks.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.feature_kinds import PARTS, ClickFeature, Feature
from models.state.codes import CODE

#: Clicks that are transformed together.
BLOCK: Final = 65_536
#: Bound of columns that are not whole numbers.
LARGEST: Final = 50.0
#: The missing value of a kind, where it is not 0.
_ABSENT: Final = {"plain?": np.nan, "log?": np.nan, "ago": -1.0}


class Transforms:
    """`values` are the click features in the order of a packed row; `names` are the names of the columns."""

    def __init__(self, features: Sequence[Feature]) -> None:
        of_clicks = [f for f in features if isinstance(f, ClickFeature)]
        self.values = [f for kind in PARTS for f in of_clicks if f.transform == kind]
        self._record = np.dtype([("values", "<f8", (len(self.values),)), ("code", CODE)])
        self.parts = [part(kind, features, self.values) for kind, part in PARTS.items()]
        self.names = tuple(name for part in self.parts for name in part.names)
        # Whole-number columns are within bounds and come last; they are not clipped.
        self._bounded = sum(len(part.names) for part in self.parts if not part.whole)

    def columns(self) -> dict[str, list[int]]:
        """Numbers of the columns of each feature."""
        found: dict[str, list[int]] = {}
        owners = [name for part in self.parts for name in part.owners()]
        for place, name in enumerate(owners):
            found.setdefault(name, []).append(place)
        return found

    def missing(self) -> NDArray[np.float32]:
        """The columns [len(names)] of a click whose values are all missing."""
        absent = [_ABSENT.get(f.transform, 0.0) for f in self.values]
        packed = np.zeros(1, dtype=self._record)
        packed["values"] = absent
        found: NDArray[np.float32] = self(packed.tobytes())[0]
        return found

    def __call__(self, rows: bytes) -> NDArray[np.float32]:
        """Columns float32 `[N, len(names)]` of N packed rows; always finite."""
        packed = np.frombuffer(rows, dtype=self._record)
        made = np.zeros((len(packed), len(self.names)), dtype=np.float32)
        for at in range(0, len(packed), BLOCK):
            self._fill(made[at : at + BLOCK], packed[at : at + BLOCK])
        return made

    def _fill(self, made: NDArray[np.float32], packed: NDArray[np.void]) -> None:
        values, code, at = packed["values"], packed["code"], 0
        for part in self.parts:
            part.fill(made[:, at : at + len(part.names)], values, code)
            at += len(part.names)
        bounded = made[:, : self._bounded]
        # Missing values are 0 here; fmin and fmax also replace values that are not finite.
        np.fmin(np.fmax(bounded, -LARGEST, out=bounded), LARGEST, out=bounded)
