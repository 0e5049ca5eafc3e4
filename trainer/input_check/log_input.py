"""Findings of files of events."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import islice
from pathlib import Path

import polars as pl

from models.contract.aliases import EventNames
from models.contract.normalise import read
from trainer.input_check.findings import Findings, Measures, Refusal
from trainer.input_check.measuring import measure, usable
from trainer.logs.log_checks import Fault, check_log, cure
from trainer.logs.log_files import read_log
from trainer.logs.open_log import TABLE, OpenLog, open_log
from trainer.logs.reading import reading
from trainer.tables.dialect import Dialect
from trainer.tables.json_entries import json_entries
from trainer.tables.json_table import entry
from trainer.tables.plain_file import PARQUET, plain_file

_MEASURED = ("event_id", "visitor_id", "user_id", "ts", "event", "item_id")
#: Events of which the places of their fields are told.
_SAMPLE = 2_000


def of_files(
    files: Sequence[Path],
    mapping: Mapping[str, str],
    events: EventNames,
    dialect: Dialect,
    gap_ms: int,
    now: int,
) -> tuple[Findings, Dialect]:
    """What is found of all files together, and how the first is written. Raises LogError."""
    with reading(files):
        logs = [open_log(path, mapping, dialect, events) for path in files]
        check = check_log(files, mapping, events, dialect)
        measures = _measured(read_log(files, mapping, events, dialect), gap_ms, now)
    found = Findings(
        source=", ".join(path.name for path in files),
        form=", ".join(dict.fromkeys(log.form for log in logs)),
        rows=check.rows,
        unusable=check.unusable,
        measures=measures,
        detected=tuple(check.found),
        sources=_sources(logs, events, dialect.zone),
        refusals=tuple(map(_refusal, check.faults)),
        unknown=check.unknown,
        passive=check.passive,
    )
    return found, logs[0].dialect


def _measured(frame: pl.LazyFrame, gap_ms: int, now: int) -> Measures:
    known = frame.collect_schema().names()
    filled = usable(frame).select(pl.col(known).count()).collect().row(0, named=True)
    taken = frame.select([name for name in _MEASURED if name in known]).collect()
    return replace(measure(taken, gap_ms, now), filled=filled)


def _refusal(fault: Fault) -> Refusal:
    where = f"line {fault.line:,} of {fault.file}"
    return Refusal(fault.field, fault.reason, fault.rows, where, fault.value, cure(fault), fault.unusable)


def _sources(logs: Sequence[OpenLog], events: EventNames, zone: tzinfo) -> dict[str, tuple[str, ...]]:
    """The places of each field, in the first of the files that has it."""
    found: dict[str, tuple[str, ...]] = {}
    for log in logs:
        places = log.sources if log.form == TABLE else _places(log.path, events, zone)
        found |= {field: tuple(of) for field, of in places.items() if of and field not in found}
    return found


def _places(path: Path, events: EventNames, zone: tzinfo) -> dict[str, list[str]]:
    """The places of fields in the first events of a file of JSON."""
    file, found = plain_file(path), dict[str, dict[str, None]]()
    entries = () if file.kind == PARQUET else islice(json_entries(file.path), _SAMPLE)
    for _, text in entries:
        raw = entry(text)
        for field, place in read(raw, events, zone=zone).sources.items() if raw else ():
            found.setdefault(field, {})[place] = None
    return {field: list(places) for field, places in found.items()}


def item_ids_in(
    files: Sequence[Path], mapping: Mapping[str, str], events: EventNames, dialect: Dialect
) -> list[str]:
    """The items that the events of files name. Raises LogError."""
    with reading(files):
        frame = read_log(files, mapping, events, dialect)
        if "item_id" not in frame.collect_schema().names():
            return []
        ids: list[str] = frame.select(pl.col("item_id").drop_nulls().unique()).collect()["item_id"].to_list()
    return ids
