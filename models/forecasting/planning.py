"""What a forecast of demand is asked for: how far ahead, and how goods are ordered. Imports nothing heavy."""

from typing import Final, NamedTuple

from models.durations import DAY_MS, HOUR_MS

WEEK: Final = 7


class Horizon(NamedTuple):
    """What is forecast: `steps` periods of `span` cells each; `season` is the naive lag, in cells."""

    cell_ms: int
    span: int
    steps: int
    season: int

    @property
    def per_day(self) -> int:
        """Cells of a day."""
        return DAY_MS // self.cell_ms


HORIZONS: Final = {
    "hourly": Horizon(HOUR_MS, 1, 24, 24),
    "daily": Horizon(DAY_MS, 1, 7, WEEK),
    "weekly": Horizon(DAY_MS, WEEK, 1, WEEK),
}


class Supply(NamedTuple):
    """Days from order to arrival, days between looks at the stock, chance to have enough in the meantime."""

    lead_days: float = 7.0
    review_days: float = 7.0
    service: float = 0.95
