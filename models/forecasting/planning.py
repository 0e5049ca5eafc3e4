"""Horizons of a demand forecast and parameters of ordering. Imports only light modules."""

from typing import Final, NamedTuple

from models.durations import DAY_MS, HOUR_MS

WEEK: Final = 7


class Horizon(NamedTuple):
    """`steps` periods of `span` cells each are forecast; `season` is the naive lag, in cells."""

    cell_ms: int
    span: int
    steps: int
    season: int

    @property
    def per_day(self) -> int:
        """Number of cells of a day."""
        return DAY_MS // self.cell_ms


HORIZONS: Final = {
    "hourly": Horizon(HOUR_MS, 1, 24, 24),
    "daily": Horizon(DAY_MS, 1, 7, WEEK),
    "weekly": Horizon(DAY_MS, WEEK, 1, WEEK),
}


class Supply(NamedTuple):
    """Lead time (days), review period (days), and service level: the probability not to run out of stock."""

    lead_days: float = 7.0
    review_days: float = 7.0
    service: float = 0.95
