"""Findings of records as workers decode them: from a topic, one by one."""

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

import polars as pl

from models.contract.events import WIRE_FIELDS, Click, Rejected
from models.contract.times import zone_of_skew
from models.contract.values import describe
from trainer.eventlog.log_tables import CLICKS
from trainer.input_check.findings import Findings, Refusal
from trainer.input_check.measuring import measure

#: Clocks that differ by less are as good as equal.
NO_SKEW_MS = 120_000


class CheckedRecord(NamedTuple):
    """A record as decoded: where it is, its own time (epoch ms), its form, and the places of its fields."""

    where: str
    timestamp: int
    found: Click | Rejected
    form: str
    sources: dict[str, str]
    name: str | None = None


def of_records(source: str, records: Iterable[CheckedRecord], gap_ms: int, now: int) -> Findings:
    """What is found of decoded records."""
    every = list(records)
    clicks = [one.found for one in every if isinstance(one.found, Click)]
    passive = _passive(every)
    rows = [{name: getattr(click, name) for name in WIRE_FIELDS} for click in clicks]
    frame = pl.DataFrame(rows, schema=CLICKS.fields)
    return Findings(
        source=source,
        form=", ".join(sorted({one.form for one in every if one.form})) or "none",
        rows=len(every),
        unusable=len(every) - len(clicks) - sum(passive.values()),
        measures=measure(frame.select(_measured(frame)), gap_ms, now),
        sources=_sources(every),
        refusals=tuple(_refusals(every)),
        unknown=_unknown(every),
        skew=_skew(every),
        passive=passive,
    )


def _measured(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if frame[name].null_count() < len(frame)] or frame.columns


def _sources(records: Iterable[CheckedRecord]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for one in records:
        for field, place in one.sources.items():
            found.setdefault(field, {})[place] = None
    return {field: tuple(places) for field, places in found.items()}


def _refusals(records: Iterable[CheckedRecord]) -> Iterable[Refusal]:
    counted: dict[tuple[str, str], Refusal] = {}
    for one in records:
        if not isinstance(one.found, Rejected) or one.found.passive:
            continue
        message, _, cure = one.found.message.partition("; ")
        key = one.found.field, one.found.reason.value
        before = counted.get(key)
        first = before or Refusal(*key, 0, one.where, message, cure)
        counted[key] = Refusal(
            first.field, first.reason, first.rows + 1, first.where, first.value, first.cure
        )
    return sorted(counted.values(), key=lambda refusal: -refusal.rows)


def _unknown(records: Iterable[CheckedRecord]) -> dict[str, int]:
    refused = ((one.name, one.found) for one in records if isinstance(one.found, Rejected))
    faulty = (name for name, found in refused if found.field == "event" and not found.passive)
    return dict(Counter(name for name in faulty if name is not None).most_common())


def _passive(records: Iterable[CheckedRecord]) -> dict[str, int]:
    refused = (one.found for one in records if isinstance(one.found, Rejected))
    return dict(Counter(found.passive for found in refused if found.passive).most_common())


def _skew(records: Iterable[CheckedRecord]) -> str | None:
    """How far the events' times are from the records', where that is more than the way takes."""
    apart = [one.found.ts - one.timestamp for one in records if isinstance(one.found, Click)]
    if not apart or abs(middle := round(median(apart))) <= NO_SKEW_MS:
        return None
    zone = zone_of_skew(middle)
    named = (
        f": they look like local times of {zone}; send an offset, or set PATHCAST_TIME_ZONE" if zone else ""
    )
    where = "ahead of" if middle > 0 else "behind"
    return f"half of the events lie {abs(middle) / 1000:,.0f} s or more {where} their records{named}"


def event_name_of(raw: Any) -> str | None:
    """The event's name as it was sent at the top of an event."""
    found = raw.get("event", raw.get("name", raw.get("event_name"))) if isinstance(raw, dict) else None
    return found if isinstance(found, str) else None if found is None else describe(found)
