"""What cannot be used of a log: rows and values by field and reason, with the first of each."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.events import EVENTS, TS_MAX, TS_MIN
from models.contract.values import describe
from models.forms.missing import MISSING
from trainer.examples.columns import AMOUNTS, COUNTS, typed_column
from trainer.logs.event_rows import FAULT
from trainer.logs.log_columns import NEEDED
from trainer.logs.open_log import TABLE, OpenLog, open_log
from trainer.logs.reading import reading
from trainer.logs.row_checks import left_out_text, passive, passive_names, unknown_names
from trainer.tables import time_advice
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.log_error import LogError
from trainer.tables.table import BROKEN, LINE

_CURES = {
    "event": "--event-map NAME=EVENT says what an event means",
    "price": "--decimal , or . says which mark amounts have, --map price=COLUMN where they are",
    "": "mend the line; --delimiter, --escape and --encoding say how the file is written",
}
_SHOWN = 5
#: Most names of events in a sentence.
_NAMED = 8
_WORDS = sorted(MISSING)
_LEFT_OUT = "=passive"
_MESSAGE = re.compile(r"([a-z_]+) is (.*?), expected ", re.DOTALL)


class Fault(NamedTuple):
    """Rows of a file with the same reason in the same field ("" for the line itself), and the first of them.

    `unusable`: the rows cannot be used; else they lack but the field.
    """

    file: str
    field: str
    reason: str
    rows: int
    line: int
    value: str | None
    unusable: bool

    def told(self) -> str:
        """The fault as part of a sentence."""
        what = f"{self.field} {self.reason}" if self.field else self.reason
        value = "" if self.value is None else f" {describe(self.value)}"
        return f"{what}: {self.rows:,} (first:{value} in line {self.line:,} of {self.file})"


class LogCheck(NamedTuple):
    """`rows` of files, those that are `unusable`, faults, names of unknown events, what was detected.

    `passive` counts the rows of each event that says nothing of shopping: left out, and not unusable.
    """

    rows: int
    unusable: int
    faults: list[Fault]
    unknown: dict[str, int]
    found: list[str]
    passive: dict[str, int]

    def notes(self) -> list[str]:
        """Sentences for people: what was detected, and what is lost of the log with its cure."""
        left_out = [left_out_text(self.passive, self.rows)] if self.passive else []
        faults = (f"{self._told(fault)}; {cure(fault)}" for fault in self.faults[:_SHOWN])
        return [*self.found, *left_out, *faults]

    @property
    def active(self) -> int:
        """The rows that may say something of shopping."""
        return self.rows - sum(self.passive.values())

    def _told(self, fault: Fault) -> str:
        """The fault, with all names of events where these are not known."""
        named = fault.field == "event" and fault.value is not None
        names = [name for name in self.unknown if name != fault.value][:_NAMED] if named else []
        return fault.told() + (f", also {', '.join(map(describe, names))}" if names else "")

    def refuse(self, most: float, names: bool = True) -> None:
        """Raise LogError if there is no row, or more than the share `most` cannot be used.

        Without `names` event names that are not known do not count: somebody else may know them.
        """
        if not self.rows:
            raise LogError("the log has no row: check that it is the file that is meant")
        lost = [fault for fault in self.faults if fault.unusable and (names or fault.field != "event")]
        if (self.unusable if names else sum(fault.rows for fault in lost)) <= most * self.active:
            return
        found = "; ".join(map(self._told, lost[:_SHOWN]))
        raise LogError(
            f"{self.unusable:,} of {self.active:,} rows cannot be used ({found}), expected at most "
            f"{most:.0%} (PATHCAST_TRAINER_UNUSABLE_SHARE): {'; '.join(dict.fromkeys(map(cure, lost)))}"
        )


def cure(fault: Fault) -> str:
    """What the owner of the log can do."""
    if fault.field == "ts":
        return time_advice.advice(fault.value)
    return _CURES.get(fault.field, f"--map {fault.field}=COLUMN names another column")


def check_log(
    files: Sequence[Path],
    mapping: Mapping[str, str] | None = None,
    events: EventNames = event_name,
    dialect: Dialect = DETECTED,
) -> LogCheck:
    """Read the needed columns of all files. Raises LogError for a file or a column that is not there."""
    checks = []
    for path in files:
        with reading([path]):
            checks.append(_check(open_log(path, mapping, dialect, events), events))
    return reduce(_joined, checks)


def _joined(one: LogCheck, other: LogCheck) -> LogCheck:
    faults = sorted([*one.faults, *other.faults], key=lambda fault: (not fault.unusable, -fault.rows))
    return LogCheck(
        one.rows + other.rows,
        one.unusable + other.unusable,
        faults,
        _summed(one.unknown, other.unknown),
        one.found + other.found,
        _summed(one.passive, other.passive),
    )


def _summed(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common())


def _check(log: OpenLog, events: EventNames) -> LogCheck:
    found = [f"{log.path.name}: {', '.join(log.found)}"] if log.found else []
    if log.form != TABLE:
        return _check_events(log, found)
    frame, marks = _marked(log, events)
    lost = pl.any_horizontal(*(pl.col(mark.name) for mark in marks if mark.unusable))
    asked = [pl.len(), lost.sum().alias("lost"), *(value for mark in marks for value in mark.aggregates())]
    names = frame.select(pl.col("=event").alias("event"))
    counted, named = pl.collect_all([frame.select(asked), names.group_by("event").len()])
    rows, unusable, *figures = counted.row(0)
    faults = [
        Fault(log.path.name, mark.field, mark.reason, count, line, value, mark.unusable)
        for mark, count, line, value in zip(marks, figures[::3], figures[1::3], figures[2::3], strict=True)
        if count
    ]
    by_name = dict(named.iter_rows())
    return LogCheck(rows, unusable, faults, unknown_names(by_name), found, passive_names(by_name))


class _Mark(NamedTuple):
    """A reason in a field; the column `name` says of each row whether it has it."""

    field: str
    reason: str
    unusable: bool

    @property
    def name(self) -> str:
        return f"{self.field} {self.reason}"

    def aggregates(self) -> list[pl.Expr]:
        """The number of rows, and line and value of the first."""
        mark, value = pl.col(self.name), pl.col(self.field or BROKEN)
        first = [pl.col(LINE).filter(mark).first(), value.cast(pl.String).filter(mark).first()]
        return [
            mark.sum().alias(f"{self.name} rows"),
            *(one.alias(f"{self.name} {place}") for place, one in enumerate(first)),
        ]


def _marked(log: OpenLog, events: EventNames) -> tuple[pl.LazyFrame, list[_Mark]]:
    """The checked columns as in the file, as read ("=name"), and a column for each mark."""
    schema = log.frame.collect_schema()
    numbers = [name for name in schema if name in AMOUNTS | COUNTS and _may_fail(schema[name])]
    checked = [*NEEDED, *numbers]
    read = [typed_column(name, schema[name], events, log.dialect).alias(f"={name}") for name in checked]
    frame = log.frame.select(*checked, LINE, BROKEN).with_columns(read)
    broken, tests = pl.col(BROKEN).is_not_null(), {}
    left_out = pl.col("=event").map_batches(passive, return_dtype=pl.Boolean, is_elementwise=True)
    frame = frame.with_columns(left_out.alias(_LEFT_OUT))
    tests[_Mark("", "no row of the columns", True)] = broken & ~pl.col(_LEFT_OUT)
    for name in checked:
        for reason, test in _tests(name).items():
            tests[_Mark(name, reason, name in NEEDED)] = test & ~broken & ~pl.col(_LEFT_OUT)
    return frame.with_columns(test.alias(mark.name) for mark, test in tests.items()), list(tests)


def _may_fail(kind: pl.DataType) -> bool:
    """Whether a column of numbers may hold what is none: text, or a number without end."""
    return kind == pl.String or kind.is_float()


def _tests(name: str) -> dict[str, pl.Expr]:
    """What may be wrong with a field."""
    raw, read = pl.col(name), pl.col(f"={name}")
    none = raw.is_null() | raw.cast(pl.String).str.strip_chars().is_in(_WORDS)
    if name == "visitor_id":
        return {"missing": read.is_null()}
    if name == "event":
        return {"missing": read.is_null(), "not known": ~read.is_in(EVENTS)}
    unread = {"unreadable": read.is_null() & ~none}
    if name != "ts":
        return unread
    return {"missing": none, **unread, "not in 2000 to 2099": ~read.is_between(TS_MIN, TS_MAX - 1)}


def _check_events(log: OpenLog, found: list[str]) -> LogCheck:
    """Rows that the contract refused, by its own messages."""
    refused = log.frame.filter(pl.col(FAULT).is_not_null()).select(LINE, FAULT, "event")
    total, lost = pl.collect_all([log.frame.select(pl.len()), refused])
    named = lost["event"].drop_nulls().value_counts(sort=True)
    rows = lost.filter(pl.col("event").is_null()).select(LINE, FAULT)
    faults: dict[tuple[str, str], Fault] = {}
    unknown: dict[str, int] = {}
    for line, message in rows.iter_rows():
        field, reason, value = _refusal(message)
        if field == "event" and value is not None:
            unknown[value] = unknown.get(value, 0) + 1
        before = faults.get((field, reason))
        count = 1 + (before.rows if before else 0)
        first = before or Fault(log.path.name, field, reason, 1, line, value, True)
        faults[field, reason] = first._replace(rows=count)
    by_name = dict(named.iter_rows())
    return LogCheck(total.item(), len(rows), list(faults.values()), unknown, found, by_name)


def _refusal(message: str) -> tuple[str, str, str | None]:
    """Field, reason and value of the contract's message."""
    told = _MESSAGE.match(message)
    if told is None:
        return "", message.partition(";")[0], None
    value = None if told[2] == "missing" else told[2].strip("'")
    reason = "missing" if value is None else "not known" if told[1] == "event" else "unreadable"
    return told[1], reason, value
