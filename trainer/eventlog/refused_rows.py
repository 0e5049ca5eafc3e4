"""Refused rows: when they are an alarm, and how it is raised, in words and as gauges."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.manifest import DataFile
from trainer.eventlog.rows import UNREADABLE
from trainer.eventlog.stats import Stats, stats

log = structlog.get_logger("pathcast.eventlog")
#: Period over which refused rows are counted, and after which an alarm is repeated.
WINDOW_MS = 600_000
_ADVICE = {
    CLICKS.name: "`pathcast dead-letters list` shows why; correct what the producer sends",
    "": "run `pathcast log repair`, which reads them again; rows that stay refused are damaged, or were "
    "written by workers of another version than this program's",
}


class Refusals(NamedTuple):
    """Refused rows of a table by reason, and the number of all its rows."""

    table: str
    rows: int
    refused: Mapping[str, int]

    @classmethod
    def of(cls, found: Stats) -> "Refusals":
        """The refused rows that the event log has."""
        return cls(found.table, found.counted, found.refused)

    @property
    def share(self) -> float:
        """Refused rows per row; 0 where there are no rows."""
        return sum(self.refused.values()) / self.rows if self.rows else 0.0

    @property
    def reasons(self) -> str:
        """`unreadable 12, skewed 3`."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self.refused.items())

    def with_rows_of(self, file: DataFile) -> "Refusals":
        """These and those of a file."""
        refused = Counter(self.refused) + Counter(dict(file.refused or ()))
        return Refusals(self.table, self.rows + file.rows, refused)

    def alarm(self, most: float) -> str | None:
        """What is wrong and what to do, if the share is above `most`; else None."""
        if self.share <= most:
            return None
        count, advice = sum(self.refused.values()), _ADVICE.get(self.table, _ADVICE[""])
        return (
            f"{self.table}: {count:,} of {self.rows:,} rows are refused ({self.share:.1%}: {self.reasons}), "
            f"expected at most {most:.1%}: {advice}"
        )


@dataclass
class Watch:
    """Counts refused rows as they are written; logs an alarm if their share is above `most`."""

    most: float = 0.01
    _all: dict[str, Refusals] = field(default_factory=dict)
    _lately: dict[str, Refusals] = field(default_factory=dict)
    _since: int = 0
    _told: set[str] = field(default_factory=set)

    def take(self, table: str, files: Iterable[DataFile], now: int) -> None:
        """Count the rows of files that were committed at `now` (epoch ms)."""
        if now - self._since >= WINDOW_MS:
            self._lately, self._told, self._since = {}, set(), now
        for file in files:
            for counts in (self._all, self._lately):
                counts[table] = counts.get(table, Refusals(table, 0, {})).with_rows_of(file)
        alarm = self._lately[table].alarm(self.most) if table in self._lately else None
        if alarm and table not in self._told:
            self._told.add(table)
            log.warning("rows refused", table=table, alarm=alarm)

    def told(self) -> Iterator[str]:
        """One line for each table with refused rows: the alarm, if there is one."""
        for one in self._all.values():
            if one.refused:
                yield one.alarm(self.most) or f"{one.table}: {one.reasons} of {one.rows:,} rows refused"


def gauges(found: Iterable[Refusals], registry: CollectorRegistry | None = None) -> CollectorRegistry:
    """Gauges of rows and refused rows by table, in a new registry unless one is given."""
    registry = registry or CollectorRegistry()
    rows = Gauge("pathcast_event_log_rows", "Rows of the event log.", ["table"], registry=registry)
    refused = Gauge(
        "pathcast_event_log_refused_rows",
        "Rows that the contract does not take.",
        ["table", "reason"],
        registry=registry,
    )
    for one in found:
        rows.labels(one.table).set(one.rows)
        # Alerts need a series that exists from the start.
        for reason, count in {UNREADABLE: 0, **one.refused}.items():
            refused.labels(one.table, reason).set(count)
    return registry


def write_gauges(events: EventLog, to: Path, registry: CollectorRegistry | None = None) -> None:
    """Write the gauges of an event log for the textfile collector of Prometheus, beside those that `registry`
    has; a failure is logged.

    Files of older programs, which did not count refused rows, are left out. Raises EventLogError.
    """
    found = map(Refusals.of, stats(events, look=False))
    try:
        write_to_textfile(str(to), gauges(found, registry))
    except OSError as error:
        log.warning("metrics not written", file=str(to), reason=str(error))
