"""What `pathcast log stats` and `log repair` print of an event log."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from trainer.eventlog.log import EventLog
from trainer.eventlog.refused_rows import Refusals
from trainer.eventlog.repair import Repaired
from trainer.eventlog.stats import Stats


def held(found: Iterable[Stats]) -> Table:
    """Rows, files and days by table, and the dropped rows by reason."""
    shown = Table("table", "rows", "files", "MB", "days", "event time", "expired", "erased", "lost")
    for one in found:
        shown.add_row(*_cells(one))
    return shown


def refused(found: Iterable[Refusals]) -> Table | None:
    """Refused rows by table and reason, with their share of the table; None if there are none."""
    shown = Table("table", "refused", "rows", "share")
    for one in found:
        for reason, count in one.refused.items():
            shown.add_row(one.table, reason, f"{count:,}", f"{count / one.rows:.2%}")
    return shown if shown.row_count else None


def as_json(log: EventLog, found: Iterable[Stats], most: float) -> dict[str, Any]:
    """All figures of an event log with its alarms, for programs."""
    refusals = [(one, Refusals.of(one)) for one in found]
    return {
        "tables": {
            one.table: one._asdict() | {"refused_share": refusal.share, "alarm": refusal.alarm(most)}
            for one, refusal in refusals
        },
        "positions": [
            {"topic": manifest.topic, "partition": manifest.partition, "next": manifest.next}
            for manifest in log.manifests()
        ],
    }


def repaired(table: str, found: Iterable[Repaired]) -> str:
    """The result of a repair of one table, as a line."""
    read = mended = erased = 0
    stay: Counter[str] = Counter()
    for one in found:
        read, mended, erased = read + one.read, mended + one.mended, erased + one.erased
        stay.update(one.refused)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in stay.most_common())
    return (
        f"{table}: {read:,} refused rows read again, {mended:,} repaired, {erased:,} erased, "
        f"{stay.total():,} stay refused{f' ({reasons})' if reasons else ''}"
    )


def _cells(found: Stats) -> list[str]:
    days = " to ".join(found.days) if found.days else "-"
    times = "-"
    if found.since is not None and found.until is not None:
        times = f"{_time(found.since)} to {_time(found.until)}"
    counts = (f"{count:,}" for count in (found.expired, found.erased, found.lost))
    size = f"{found.bytes / 1e6:,.1f}"
    return [found.table, f"{found.kept:,}", f"{found.files:,}", size, days, times, *counts]


def _time(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M}"
