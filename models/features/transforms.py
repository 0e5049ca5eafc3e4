"""From packed feature rows to columns of float32, for one click as for a whole log by one kernel."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features import expansion_kernel
from models.features.expansion_kernel import Plan
from models.features.feature_kinds import PARTS, ClickFeature, CodeFeature, Feature
from models.state.codes import CODE

#: The missing value of a kind, where it is not 0.
_ABSENT: Final = {"plain?": np.nan, "log?": np.nan, "ago": -1.0}
#: Bytes of a value.
_VALUE: Final = 8


class Transforms:
    """`values` are the click features in the order of a packed row; `names` are the names of the columns."""

    def __init__(self, features: Sequence[Feature]) -> None:
        of_clicks = [f for f in features if isinstance(f, ClickFeature)]
        self.values = [f for kind in PARTS for f in of_clicks if f.transform == kind]
        self._record = np.dtype([("values", "<f8", (len(self.values),)), ("code", CODE)])
        self.parts = [part(kind, features) for kind, part in PARTS.items()]
        self.names = tuple(name for part in self.parts for name in part.names)
        self._of_codes = [f for part in self.parts for f in part.mine if isinstance(f, CodeFeature)]

    @cached_property
    def _plan(self) -> Plan:
        places = {f.name: place for place, f in enumerate([*self.values, *self._of_codes])}
        found, at = [], 0
        for part in self.parts:
            for feature, entry in zip(part.mine, part.entries(at), strict=True):
                found.append((part.number, places[feature.name], *entry))
            at += len(part.names)
        *integers, arguments = zip(*found, strict=True)
        kind, place, first, second = (np.array(column, dtype=np.int64) for column in integers)
        return Plan(kind, place, first, second, np.array(arguments, dtype=np.float64))

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
        code = np.frombuffer(rows, dtype=self._record)["code"]
        integers = np.empty((len(code), len(self._of_codes)), dtype=np.int64)
        for place, feature in enumerate(self._of_codes):
            integers[:, place] = feature.function(code)
        values = np.frombuffer(rows, dtype=np.float64).reshape(len(code), self._record.itemsize // _VALUE)
        values.flags.writeable = False
        made = np.zeros((len(code), len(self.names)), dtype=np.float32)
        expansion_kernel.expand(values, len(self.values), integers, self._plan, made)
        return made
