"""The file of recommendation rules: what a shop excludes, as structs that mirror the TOML.

Errors name the entry, the value found, what was expected and what to do.
"""

import tomllib
from typing import Annotated, Any, Final

import msgspec

from models.errors import PathcastError

#: Values of a catalogue's `status` that mean "not for sale".
NOT_SOLD: Final = ("archived", "deleted", "disabled", "discontinued", "inactive", "out_of_stock", "sold_out")

Words = list[Annotated[str, msgspec.Meta(min_length=1, max_length=256)]]


class ShopRulesError(PathcastError):
    """The file of recommendation rules cannot be used."""


class ShopRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The defaults exclude only items that the catalogue marks as unavailable.

    `most_per_category`: most items of one category in an answer. `recommend_bought = false` excludes the
    last 64 items that the visitor bought, but for those of `rebuy_categories`, which are bought again.
    """

    recommend_out_of_stock: bool = False
    hidden_status: Words = msgspec.field(default_factory=lambda: list(NOT_SOLD))
    recommend_bought: bool = True
    rebuy_categories: Words = []
    most_per_category: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    blocked_items: Words = []
    blocked_categories: Words = []


def parse(text: str | bytes) -> ShopRules:
    """Reads TOML. Raises ShopRulesError."""
    try:
        document = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ShopRulesError(f"recommendation rules: not TOML in UTF-8: {error}; correct it there") from error
    try:
        return msgspec.convert(document, ShopRules)
    except msgspec.ValidationError as error:
        raise ShopRulesError(_explain(document, str(error))) from error


def _explain(document: dict[str, Any], message: str) -> str:
    """msgspec's message with the value found and the names of all entries."""
    expected, _, path = message.partition(" - at `$.")
    name = path.rstrip("`").split("[")[0]
    found = f"; found {document[name]!r}" if name in document else ""
    entries = ", ".join(ShopRules.__struct_fields__)
    return f"recommendation rules, {name or 'top level'}: {expected}{found}; entries are {entries}"
