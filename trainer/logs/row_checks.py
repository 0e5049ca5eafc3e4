"""Checks of a log's rows: reasons of refusals, unknown event names, repeated rows."""

from collections.abc import Iterable, Mapping

import polars as pl

from models.contract.aliases import event_name
from models.contract.values import Unreadable, describe

#: Columns that are equal in repeated rows.
_SAME = ("visitor_id", "ts", "event", "item_id", "page", "query")
#: Most names that a sentence lists.
_LISTED = 3


def strange(events: pl.Series) -> dict[str, int]:
    """Rows with an unknown event name, by that name, the most frequent first."""
    counts = events.drop_nulls().value_counts(sort=True)
    return {name: count for name, count in counts.iter_rows() if not _known(name)}


def repeats(log: pl.DataFrame) -> int:
    """The number of rows that repeat the visitor, time, event and item of another row under another id."""
    said = log.select(column for column in _SAME if column in log.columns)
    return max(0, log["event_id"].n_unique() - said.unique().height)


def told(rejected: Mapping[str, int], unknown: Mapping[str, int]) -> str:
    """Reasons with their counts, and the unknown event names."""
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(rejected.items()))
    return f"{reasons}; {_named(unknown)}" if unknown else reasons


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
