"""The tables of the event log: one for each kept topic, with columns from the topic's contract.

Text, numbers and flags are columns of their type; all other fields are columns of JSON.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl
from msgspec import inspect

from models.contract.events import WIRE_FIELDS, Click
from models.contract.predictions import AdDecision, PurchaseIntent, Recommendations
from models.contract.rewards import RecommendationOutcome, Reward

#: Columns from Kafka, before the contract's fields. `_key`, `_headers` and `_bytes` are null where the other
#: columns hold the same; `_refused` is the reason why the contract refuses a row.
KAFKA: Mapping[str, Any] = {
    "_partition": pl.Int32,
    "_offset": pl.Int64,
    "_stamped": pl.Int64,
    "_key": pl.Binary,
    "_headers": pl.Binary,
    "_bytes": pl.Binary,
    "_refused": pl.String,
}
#: Columns of fields of several values: those of the further items of a click.
LISTS: Mapping[str, pl.List] = {
    "basket": pl.List(pl.String),
    "basket_prices": pl.List(pl.Float64),
    "basket_quantities": pl.List(pl.Int64),
}
_SCALARS: tuple[tuple[type[Any], Any], ...] = (
    (inspect.StrType, pl.String),
    (inspect.EnumType, pl.String),
    (inspect.LiteralType, pl.String),
    (inspect.BoolType, pl.Boolean),
    (inspect.IntType, pl.Int64),
    (inspect.FloatType, pl.Float64),
)


class LogTable(NamedTuple):
    """A table by its name; `setting` is the field of the topic names that has its topic.

    `fields` are the contract's columns with their types, `json` those that hold JSON, `required` those that
    every row has. `time` is the column of the event time (epoch ms).
    """

    name: str
    setting: str
    contract: type[msgspec.Struct]
    fields: dict[str, Any]
    json: frozenset[str]
    required: frozenset[str]
    time: str = "ts"

    @property
    def schema(self) -> dict[str, Any]:
        """All columns of a file of this table."""
        return {**KAFKA, **self.fields}


def _column(kind: inspect.Type) -> Any:
    """The type of a field's column; None if it holds JSON."""
    if isinstance(kind, inspect.Metadata):
        return _column(kind.type)
    if isinstance(kind, inspect.UnionType):
        found = {_column(one) for one in kind.types if not isinstance(one, inspect.NoneType)}
        return found.pop() if len(found) == 1 else None
    return next((column for scalar, column in _SCALARS if isinstance(kind, scalar)), None)


def _table(setting: str, contract: type[msgspec.Struct], time: str = "ts") -> LogTable:
    info = inspect.type_info(contract)
    assert isinstance(info, inspect.StructType)
    columns = {field.name: _column(field.type) for field in info.fields}
    fields = {name: column or pl.String for name, column in columns.items()}
    json = frozenset(name for name, column in columns.items() if column is None)
    required = frozenset(field.name for field in info.fields if field.required)
    return LogTable(setting.replace("_", "-"), setting, contract, fields, json, required, time)


def _clicks() -> LogTable:
    """Columns as in any log of clicks, so that every reader of logs can read this table."""
    found = _table("clicks", Click)
    fields = {name: LISTS.get(name, found.fields[name]) for name in WIRE_FIELDS}
    return found._replace(fields=fields, json=frozenset())


CLICKS = _clicks()
REWARDS = _table("rewards", Reward, time="decided_at")
TABLES = (
    CLICKS,
    _table("purchase_intent", PurchaseIntent),
    _table("recommendations", Recommendations),
    _table("ad_decisions", AdDecision),
    REWARDS,
    _table("recommendation_outcomes", RecommendationOutcome, time="recommended_at"),
)
BY_NAME = {table.name: table for table in TABLES}
