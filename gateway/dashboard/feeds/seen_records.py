"""The parts of records that the dashboard counts; the rest of a record is skipped while it is decoded."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

Row = TypeVar("Row")


class ClickRow(msgspec.Struct, gc=False):
    """A click in the contract's own form; clicks of other forms are counted without being read."""

    event_id: str
    event: str
    item_id: str | None = None


class IntentRow(msgspec.Struct, gc=False):
    """An answer on `purchase-intent`."""

    event_id: str
    purchase_probability: float
    rung: str
    model_version: str
    ts: int
    scored_at: int
    input_flags: dict[str, list[str]] = {}


class ContextRow(msgspec.Struct, gc=False):
    """The context of a decision."""

    purchase_probability: float
    event: str
    click: int
    experiment: str = ""
    arm: str = ""


class DecisionRow(msgspec.Struct, gc=False):
    """A decision on `ad-decisions`."""

    visitor_id: str
    ts: int
    placement: str
    action: str
    propensity: float
    explored: bool
    context: ContextRow
    policy: str = "rules"


class JoinedRow(msgspec.Struct, gc=False):
    """One outcome of a decision or recommendation."""

    event: str
    value: float = 0.0


class PartsRow(msgspec.Struct, gc=False):
    """Of a reward's parts what is shown."""

    cost: float = 0.0


class RewardRow(msgspec.Struct, gc=False):
    """A record on `rewards`."""

    placement: str
    action: str
    outcomes: list[JoinedRow]
    parts: PartsRow
    reward: float
    policy: str = "rules"


class FollowedRow(msgspec.Struct, gc=False):
    """A record on `recommendation-outcomes`."""

    model_version: str
    rung: str
    outcomes: list[JoinedRow]


def reader(row: type[Row]) -> Callable[[Sequence[Any]], list[Row | None]]:
    """Decodes the values of records; None for one that is deleted, sealed or not of this kind."""
    decode = msgspec.json.Decoder(row).decode

    def read(records: Sequence[Any]) -> list[Row | None]:
        found: list[Row | None] = []
        for record in records:
            try:
                found.append(None if record.value is None else decode(record.value))
            except (msgspec.DecodeError, UnicodeDecodeError):
                found.append(None)
        return found

    return read
