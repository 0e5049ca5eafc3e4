"""The mapping that a log would be read with, as a TOML file for `--map @FILE` and PATHCAST_EVENT_MAP."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from models.forms.event_names import is_passive
from models.forms.names import collapse
from trainer.input_check.findings import Findings

#: Words in a name, the first that fits decides: which event an unknown name probably is.
_GUESSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("refund", ("refund", "return", "cancel", "storno")),
    ("remove_from_cart", ("remove", "delete")),
    ("begin_checkout", ("checkout", "shipping", "address")),
    ("purchase", ("purchase", "order", "buy", "bought", "paid", "sale", "transaction", "enrol", "subscribe")),
    ("add_to_wishlist", ("wish", "favo", "like", "bookmark")),
    ("add_to_cart", ("cart", "basket", "bag", "add")),
    ("view_item_list", ("list", "category", "collection", "impression")),
    ("search", ("search", "query", "find")),
    ("view_item", ("view", "detail", "product", "item", "show", "open", "visit", "play", "read")),
    ("select_item", ("click", "select", "tap")),
    ("login", ("login", "signin")),
)


def guess(name: str) -> str | None:
    """The event that an unknown name probably is; None: it says nothing, as do passive events."""
    if is_passive(name):
        return None
    plain = collapse(name)
    return next((event for event, words in _GUESSES if any(word in plain for word in words)), None)


def mapping_text(found: Findings, given: Mapping[str, str], dialect: Mapping[str, Any]) -> str:
    """The file's text: columns of fields, events by name, and how the file is written.

    `given` are the events by name that were told before.
    """
    # A field of several columns is found again as it was here; one name would leave the others out.
    alone = {field: of[0] for field, of in found.sources.items() if len(of) == 1 and "[]." not in of[0]}
    columns = alone if found.form == "table" else {}
    lines = [
        f"# How pathcast reads {found.source}: check it, then give it to train and replay as --map @FILE."
    ]
    lines += _table("columns", columns)
    lines += _table("event_map", given, [_guessed(name, rows) for name, rows in found.unknown.items()])
    lines += _table("file", {name: value for name, value in dialect.items() if value})
    return "\n".join(lines) + "\n"


def _guessed(name: str, rows: int) -> str:
    event = guess(name)
    if event is None:
        return f'# {_toml(name)} = "EVENT"  # {rows:,} rows: say which event this is, or leave it out'
    return f"{_toml(name)} = {_toml(event)}  # {rows:,} rows; a guess"


def _table(name: str, values: Mapping[str, Any], more: Iterable[str] = ()) -> list[str]:
    lines = [*(f"{_toml(key)} = {_toml(value)}" for key, value in values.items()), *more]
    return ["", f"[{name}]", *lines] if lines else []


def _toml(value: Any) -> str:
    """A text or a list of texts; JSON's strings are TOML's."""
    return json.dumps(list(value) if isinstance(value, tuple | list) else value, ensure_ascii=False)
