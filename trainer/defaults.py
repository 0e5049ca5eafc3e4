"""Defaults that commands show in their help. This module imports nothing, so that help appears at once."""

from dataclasses import dataclass, field
from typing import Final

#: Dimensions to which words, and each further kind of content vectors, are reduced.
CONTENT_WIDTH: Final = 64


@dataclass(frozen=True)
class IncrementalUpdate:
    """Limits of an incremental update: passes over the new clicks, learning rate, and the fewest clicks it
    needs.

    The updated version is calibrated on the `calibrating_clicks` newest clicks that no training has learned
    from. They must hold `min_buyers` sessions with a purchase: a few hours have too few buyers to calibrate
    on.
    """

    epochs: int = 1
    learning_rate: float = 3e-4
    min_clicks: int = 1_000
    calibrating_clicks: int = 10_000
    min_buyers: int = 50


@dataclass(frozen=True)
class PrequentialPlan:
    """Days to learn from before the first answer, days between trainings, hours between
    incremental updates.
    """

    initial_days: float = 28.0
    retrain_days: float = 1.0
    adapt_hours: float = 6.0
    step: IncrementalUpdate = field(default_factory=IncrementalUpdate)


@dataclass(frozen=True)
class VersionRetention:
    """Which versions garbage collection keeps beside the serving and the pinned one.

    `served` is how many of the versions that served last are kept; versions younger than `days` are kept as
    well.
    """

    served: int = 3
    days: float = 7.0
