"""Checks of a log's rows: reasons of refusals, unknown event names, repeated rows."""

from collections.abc import Iterable, Mapping

import polars as pl

from models.contract.aliases import event_name
from models.contract.values import Unreadable, describe
from models.forms.event_names import is_passive

#: The reason of rows that are left out because their events say nothing of shopping.
PASSIVE = "passive"
#: Columns that are equal in repeated rows.
_SAME = ("visitor_id", "ts", "event", "item_id", "page", "query")
#: Most names that a sentence lists.
_LISTED = 3
#: Most names of passive events.
_NAMED = 8


def strange(events: pl.Series) -> dict[str, int]:
    """Rows with an unknown event name, by that name, the most frequent first."""
    return unknown_names(dict(events.drop_nulls().value_counts(sort=True).iter_rows()))


def unknown_names(counts: Mapping[str | None, int]) -> dict[str, int]:
    """Those of the names that are no events of the contract, nor passive, the most frequent first."""
    named = _by_count(counts).items()
    return {name: count for name, count in named if not is_passive(name) and not _known(name)}


def passive_names(counts: Mapping[str | None, int]) -> dict[str, int]:
    """Those of the names that say nothing of shopping, the most frequent first."""
    named = _by_count(counts).items()
    return {name: count for name, count in named if is_passive(name) and not _known(name)}


def passive(events: pl.Series) -> pl.Series:
    """Whether each event, as read, is passive; false for none."""
    distinct = events.drop_nulls().unique().to_list()
    return events.is_in(list(passive_names(dict.fromkeys(distinct, 0)))).fill_null(False)


def _by_count(counts: Mapping[str | None, int]) -> dict[str, int]:
    by_count = sorted(counts.items(), key=lambda one: -one[1])
    return {name: count for name, count in by_count if name is not None}


def repeats(log: pl.DataFrame) -> int:
    """The number of rows that repeat the visitor, time, event and item of another row under another id."""
    said = log.select(column for column in _SAME if column in log.columns)
    return max(0, log["event_id"].n_unique() - said.unique().height)


def told(rejected: Mapping[str, int], unknown: Mapping[str, int]) -> str:
    """Reasons with their counts, and the unknown event names."""
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(rejected.items()))
    return f"{reasons}; {_named(unknown)}" if unknown else reasons


def left_out_text(names: Mapping[str, int], rows: int) -> str:
    """How many of the rows are passive, and the names of their events."""
    listed = list(names)[:_NAMED]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{sum(names.values()):,} of {rows:,} rows are left out, their events say nothing of shopping: "
        f"{', '.join(map(describe, listed))}{more}"
    )


def advice(unknown: Iterable[str]) -> str:
    """What the owner of the log can do."""
    columns = "--map FIELD=COLUMN names its columns"
    return f"{columns}, --event-map NAME=EVENT what its events mean" if unknown else columns


def _named(unknown: Mapping[str, int]) -> str:
    names = ", ".join(describe(name) for name in list(unknown)[:_LISTED])
    more = f" and {len(unknown) - _LISTED:,} more" if len(unknown) > _LISTED else ""
    return f"{sum(unknown.values()):,} of them with event names that are not known: {names}{more}"


def _known(name: str) -> bool:
    try:
        event_name(name)
    except Unreadable:
        return False
    return True
