"""Which column of a log of decisions holds which field, and which columns are the context."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.forms.names import collapse
from trainer.tables.log_error import LogError
from trainer.tables.table import FileTable

NEEDED = ("action", "propensity", "reward")
#: Fields that a log may have beside those; `allowed` and `probabilities` are of the actions of the row.
FURTHER = ("visitor_id", "ts", "trajectory", "step", "allowed", "probabilities")
FIELDS = (*NEEDED, *FURTHER)
#: Ends the name of a context column whose numbers are names, such as `position:word`.
WORD = ":word"
#: How readers of text call a column without a name, such as the row numbers that pandas writes.
_UNNAMED = re.compile(r"column \d+$")
#: What readers of text add to a name that stands in the header before: its position.
_AGAIN = re.compile(r" \d+$")


class DecisionColumns(NamedTuple):
    """`fields`: column by field. `context`: columns, and for each whether its values are always words."""

    fields: Mapping[str, str]
    context: Mapping[str, bool]


def decision_columns(
    name: str, table: FileTable, mapping: Mapping[str, str], context: Sequence[str] | None
) -> DecisionColumns:
    """The columns of one file. Without `context` every column that is no field is context.

    Raises LogError for an unknown field, a missing column, or one column with two meanings.
    """
    fields = _fields(name, table.names, mapping)
    if context is None:
        rest = [one for one in table.names if one not in fields.values() and one not in table.nested]
        _check_rest(name, rest, fields)
        return DecisionColumns(fields, {one: False for one in rest if not _UNNAMED.match(one)})
    chosen = {one.removesuffix(WORD): one.endswith(WORD) for one in context}
    for column in chosen:
        _check_context(name, column, table, fields)
    return DecisionColumns(fields, chosen)


def _fields(name: str, columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    if unknown := [field for field in mapping if field not in FIELDS]:
        raise LogError(
            f"--map {unknown[0]}={mapping[unknown[0]]}: a log of decisions has no field {unknown[0]!r}; "
            f"expected one of {', '.join(FIELDS)}"
        )
    spelled = {collapse(column): column for column in reversed(columns)}
    found = {field: spelled[collapse(field)] for field in FIELDS if collapse(field) in spelled} | dict(
        mapping
    )
    for field, column in found.items():
        if column not in columns:
            raise LogError(
                f"--map {field}={column}: {name} has no column {column!r}; it has {', '.join(columns)}"
            )
    if missing := [field for field in NEEDED if field not in found]:
        raise LogError(
            f"{name} has no column {missing[0]!r}; name the column that holds it: --map {missing[0]}=COLUMN; "
            f"it has {', '.join(columns)}"
        )
    return found


def _check_rest(name: str, rest: Sequence[str], fields: Mapping[str, str]) -> None:
    """A second column of a needed field tells what a policy cannot know when it decides."""
    for column in rest:
        field = collapse(_AGAIN.sub("", column))
        if field in NEEDED:
            raise LogError(
                f"{name}: the column {column!r} is named as the {field}, which is read from "
                f"{fields[field]!r}; expected one such column, since all others are context, and a policy "
                "cannot know it when it decides: name the columns of the context by --context"
            )


def _check_context(name: str, column: str, table: FileTable, fields: Mapping[str, str]) -> None:
    if column not in table.names:
        raise LogError(
            f"--context {column}: {name} has no column {column!r}; it has {', '.join(table.names)}"
        )
    if column in table.nested:
        raise LogError(
            f"--context {column}: this column of {name} holds lists or objects; expected numbers or words: "
            "write each value to a column of its own"
        )
    if outcome := [field for field in NEEDED if fields[field] == column]:
        raise LogError(
            f"--context {column}: this column of {name} is the {outcome[0]}, which a policy cannot know "
            "when it decides: leave it out"
        )
