"""Decoding an answer only as far as its table has columns: nested parts stay JSON."""

from collections.abc import Callable
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import astuple

from trainer.eventlog.log_tables import LogTable


def shallow(table: LogTable, closed: bool) -> Callable[[bytes], list[Any]]:
    """A function from the bytes of an answer to the values of the table's columns, nested parts as JSON.

    `closed`: fields that the table does not have are an error. The function raises DecodeError or
    UnicodeDecodeError.
    """
    plain: dict[Any, Any] = {pl.String: str, pl.Boolean: bool, pl.Int64: int, pl.Float64: float}
    fields: list[Any] = []
    for name, column in table.fields.items():
        # Not `Raw | None`: msgspec takes that for "null only". A Raw has any JSON, null too.
        kind = msgspec.Raw if name in table.json else plain[column]
        optional = kind if kind is msgspec.Raw else kind | None
        fields.append((name, kind) if name in table.required else (name, optional, None))
    name = f"Shallow{table.contract.__name__}"
    made = msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=closed)
    decode = msgspec.json.Decoder(made).decode
    return lambda value: list(map(_text, astuple(decode(value))))


def _text(value: Any) -> Any:
    if not isinstance(value, msgspec.Raw):
        return value
    text = bytes(value).decode()
    return None if text == "null" else text
