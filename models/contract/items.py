"""An item of the catalogue, read as tolerantly as a click."""

from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import astuple

from models.contract import values
from models.contract.events import Amount, Pieces, Text
from models.contract.normalise import parse
from models.contract.values import Reader, Unreadable
from models.forms.gathering import gather
from models.forms.missing import MISSING
from models.forms.names import finder
from models.forms.own import OWN
from models.forms.templates import may_contain_template

Title = Annotated[str, Meta(min_length=1, max_length=512)]


class Item(msgspec.Struct, kw_only=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """The shop's description of an item; None where it gives none. `price` is in the shop's currency."""

    category: Annotated[Text | None, Meta(description="Category, as clicks name it.")] = None
    brand: Annotated[Text | None, Meta(description="Brand, as clicks name it.")] = None
    price: Annotated[Amount | None, Meta(description="Unit price.")] = None
    title: Annotated[Title | None, Meta(description="What people call it.")] = None
    stock: Annotated[Pieces | None, Meta(description="Pieces in stock.")] = None
    status: Annotated[Text | None, Meta(description="Such as `active` or `discontinued`.")] = None


ITEM_READERS: dict[str, Reader] = {
    "category": values.text(256),
    "brand": values.text(256),
    "price": values.amount,
    "title": values.text(512),
    "stock": values.pieces,
    "status": values.text(256),
}
_FIELD = finder(ITEM_READERS)
_decode = msgspec.json.Decoder(Item).decode


def read_item(value: bytes) -> Item:
    """An item from JSON; fields that cannot be read are None. Raises Unreadable if it is no JSON object."""
    try:
        item = _decode(value)
    except (ValueError, RecursionError):
        return _tolerant(value)
    whole = MISSING.isdisjoint(astuple(item)) and not may_contain_template(value)
    return item if whole else _tolerant(value)


def _tolerant(value: bytes) -> Item:
    try:
        raw, _ = parse(value)
    except ValueError as error:
        raise Unreadable from error
    if not isinstance(raw, dict):
        raise Unreadable
    return Item(**values.read_fields(gather(raw, OWN, _FIELD).fields, ITEM_READERS).values)


def read_id(key: bytes | None) -> str:
    """The item id of a record's key. Raises Unreadable where there is none."""
    try:
        return values.identifier((key or b"").decode())
    except UnicodeDecodeError as error:
        raise Unreadable from error
