"""When the next run is due."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.durations import MINUTE_MS
from trainer.service.requests import Request


@dataclass(frozen=True)
class RunSchedule:
    """Every so many minutes, and every so many new clicks; either may be left out.

    So often drift is looked for, which may ask for a run as well; and so often the serving version is taken
    a small step further.
    """

    minutes: float | None = None
    clicks: int | None = None
    drift_minutes: float | None = None
    adapt_minutes: float | None = None


@dataclass(frozen=True)
class Mark:
    """Where the last run was ordered: its moment (epoch ms), and the clicks that the log had taken in."""

    at: int
    clicks: int


def due(schedule: RunSchedule, last: Mark, now: int, clicks: int, asked: Mapping[str, Request]) -> str | None:
    """Why a run is due, in words; None if it is not. Time alone is no reason: something must be new.

    `clicks` are those that the log has taken in, ever.
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
