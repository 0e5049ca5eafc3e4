"""What commands show as defaults in their help: a module that imports nothing, so that help comes at once."""

from dataclasses import dataclass, field
from typing import Final

#: Numbers that the words, and each further kind of content vectors, are reduced to.
CONTENT_WIDTH: Final = 64


@dataclass(frozen=True)
class IncrementalUpdate:
    """How far an adaptation goes: passes over new clicks, at which rate, and how many clicks it takes.

    It is calibrated on so many clicks of the newest sessions that no training has learned from, with at least
    so many buying sessions: in a few hours there are too few buyers to calibrate on.
    """

    epochs: int = 1
    learning_rate: float = 3e-4
    min_clicks: int = 1_000
    calibrating_clicks: int = 10_000
    min_buyers: int = 50


@dataclass(frozen=True)
class PrequentialPlan:
    """Days that are learned from before the first answer, days between trainings, hours between steps."""

    initial_days: float = 28.0
    retrain_days: float = 1.0
    adapt_hours: float = 6.0
    step: IncrementalUpdate = field(default_factory=IncrementalUpdate)


@dataclass(frozen=True)
class VersionRetention:
    """What is not removed beside the serving and the pinned version: so many that `served` before, and what
    is younger than so many `days`."""

    served: int = 3
    days: float = 7.0
