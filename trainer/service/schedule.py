"""Decides when the next run is due."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.durations import MINUTE_MS
from trainer.service.requests import Request


@dataclass(frozen=True)
class RunSchedule:
    """Intervals of runs, in minutes and in new clicks; None disables one.

    `drift_minutes` is the interval of drift checks, which may request a run; `adapt_minutes` that of
    incremental updates; `calibration_minutes` that of looks at matured outcomes.
    """

    minutes: float | None = None
    clicks: int | None = None
    drift_minutes: float | None = None
    adapt_minutes: float | None = None
    calibration_minutes: float | None = None


@dataclass(frozen=True)
class Mark:
    """The last run's order: its time (epoch ms), and the number of clicks in the log at that time."""

    at: int
    clicks: int


def due(schedule: RunSchedule, last: Mark, now: int, clicks: int, asked: Mapping[str, Request]) -> str | None:
    """The reason why a run is due; None if it is not. Elapsed time alone is no reason: there must be new
    clicks.

    `clicks` is the number of clicks that the log has ever taken in.
    """
    if asked:
        return "; ".join(f"{one.by}: {one.reason}" for one in asked.values())
    new = clicks - last.clicks
    if schedule.clicks is not None and new >= schedule.clicks:
        return f"{new:,} new clicks"
    waited = (now - last.at) / MINUTE_MS
    if schedule.minutes is not None and new > 0 and waited >= schedule.minutes:
        return f"{waited:,.0f} minutes since the last run"
    return None
