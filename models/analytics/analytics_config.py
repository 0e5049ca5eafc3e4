"""Panes of analytics: how long they are, how long they are kept, how often they are folded."""

from typing import Final

import msgspec

from models.durations import HOUR_MS, MINUTE_MS

#: Length of a pane, event time.
PANE_MS: Final = 10 * MINUTE_MS


class AnalyticsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How long panes are kept after their end (ms of event time), and seconds between two folds."""

    retention_ms: int = 48 * HOUR_MS
    fold_seconds: float = 5.0

    def oldest(self, watermark: int) -> int:
        """Number of the oldest pane kept at `watermark`."""
        return max(0, (watermark - self.retention_ms) // PANE_MS)
