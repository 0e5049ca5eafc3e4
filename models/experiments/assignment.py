"""Assign visitors to the arms of an experiment by a hash, so that every worker does it alike.

The hash is xxh3-64 of the salt and the visitor id. Its upper 53 bits are uniform, and independent between
salts, of the draws of decisions, and of other hashes of the id (Kohavi, Tang, Xu 2020, "Trustworthy Online
Controlled Experiments", chapter 14).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from models.experiments.experiment import Experiment

_DRAWS: Final = 1 << 53


class Assignment:
    """The arms of one experiment by visitor id."""

    def __init__(self, experiment: Experiment) -> None:
        self.names = experiment.names
        # A byte that no salt contains keeps "a" + "bc" apart from "ab" + "c".
        self._salt = experiment.salt.encode() + b"\0"
        sums = np.cumsum([arm.weight for arm in experiment.arms])
        self._ends = (sums[:-1] * _DRAWS).astype(np.int64)

    def places(self, visitor_ids: Sequence[str]) -> NDArray[np.int64]:
        """The position of each visitor's arm, [n]."""
        salt, digest = self._salt, xxhash.xxh3_64_intdigest
        draws = [digest(salt + one.encode()) >> 11 for one in visitor_ids]
        return np.searchsorted(self._ends, np.array(draws, dtype=np.int64), side="right").astype(np.int64)

    def arm(self, visitor_id: str) -> str:
        """The name of the visitor's arm."""
        return self.names[int(self.places([visitor_id])[0])]
