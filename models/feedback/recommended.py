"""A visitor's latest recommendations, and those that the visitor has seen or followed.

A list is kept as 2-byte hashes of its items, so that a click's position is known: with the model version and
the tier it is some 90 bytes. An item that is not in the list passes for one of its 20 in 1 of 3,000 cases.
"""

import struct
from typing import Any, Final, Literal, NamedTuple

import msgspec
import xxhash

from models.contract.events import Click
from models.feedback import visitor_outcomes as outcomes
from models.feedback.visitor_outcomes import Happened

#: The newest lists that fit into so many bytes are kept.
LISTS_BYTES: Final = 340
MAX_FOLLOWED: Final = 8
#: Room for every outcome of every item of one list.
OUTCOMES_BYTES: Final = 128 * outcomes.WIDTH
TAG_BYTES: Final = 2
#: The tier's number where the list is not known.
UNKNOWN: Final = -1
NEVER: Final = (1 << 63) - 1
#: Hash of the click's event id, ts, tier's number, number of items, length of the model version's id.
_HEAD: Final = struct.Struct("<8sqBBB")
_ITEMS_AT, _MODEL_AT = 17, 18

Fate = Literal["applied", "expired", "parked"]


class Followed(msgspec.Struct, array_like=True, gc=False):
    """A recommendation with outcomes; `tier` is UNKNOWN until its list is known, `ts` then the outcome's."""

    recommendation_id: str
    ts: int
    tier: int = UNKNOWN
    model: str = ""
    tags: bytes = b""


class Recommended(msgspec.Struct, array_like=True, gc=False):
    """Embedded in the visitor's record: the newest lists, the followed ones, and their outcomes."""

    lists: bytes = b""
    followed: list[Followed] = []
    outcomes: bytes = b""


class ClosedList(NamedTuple):
    """A followed recommendation that left the state at its window's end, or when a newer one displaced it."""

    followed: Followed
    happened: bytes
    evicted: bool = False


def tag_of(item_id: str) -> int:
    """The hash of an item, 1 to 65,535."""
    return xxhash.xxh3_64_intdigest(item_id.encode()) & 0xFFFF or 1


def note(known: Recommended, event_id: str, ts: int, tier: int, model: bytes, tags: bytes) -> bool:
    """Keeps the list of an answer; `tags` are those of its items, best first, 2 bytes each.

    Returns whether an outcome waited for it: its window ends by the list's time then.
    """
    name = xxhash.xxh3_64_digest(event_id.encode())
    lists = b"%b%b%b%b" % (
        known.lists,
        _HEAD.pack(name, ts, tier, len(tags) // TAG_BYTES, len(model)),
        tags,
        model,
    )
    while len(lists) > LISTS_BYTES:
        lists = lists[_length(lists, 0) :]
    known.lists = lists
    return bool(known.followed) and _recognise(known, event_id)


def _recognise(known: Recommended, event_id: str) -> bool:
    for place, followed in enumerate(known.followed):
        if followed.recommendation_id == event_id and followed.tier == UNKNOWN:
            known.followed[place] = _find(known.lists, event_id) or followed
            return True
    return False


def follow(known: Recommended, click: Click, window_ms: int) -> tuple[Fate, list[ClosedList]] | None:
    """Joins an outcome to its recommendation; also the older ones that it displaced.

    None for an event that is no outcome of a recommendation.
    """
    name, kind = click.recommendation_id, outcomes.kind_of(click, outcomes.OF_RECOMMENDATIONS)
    if name is None or kind is None:
        return None
    open_one = next((one for one in known.followed if one.recommendation_id == name), None)
    followed = open_one or _find(known.lists, name) or Followed(name, click.ts)
    if click.ts - followed.ts >= window_ms:
        return "expired", []
    if open_one is None:
        known.followed = [*known.followed, followed]
    happened = Happened(_subject(name), kind, _tag(click, followed), click.ts, outcomes.value_of(click, kind))
    known.outcomes = outcomes.added(known.outcomes, happened)
    closed: list[ClosedList] = []
    while len(known.followed) > MAX_FOLLOWED or len(known.outcomes) > OUTCOMES_BYTES:
        closed.append(_closed(known, min(known.followed, key=lambda one: one.ts), True))
    return ("parked" if followed.tier == UNKNOWN else "applied"), closed


def close(known: Recommended, watermark: int, window_ms: int) -> list[ClosedList]:
    """Removes and returns what has waited for `window_ms` by `watermark`, oldest first."""
    due = sorted((one for one in known.followed if one.ts + window_ms <= watermark), key=lambda one: one.ts)
    return [_closed(known, one) for one in due]


def next_due(known: Recommended, window_ms: int) -> int:
    """Event time (epoch ms) at which `close` next has work; NEVER where nothing is followed."""
    return min((one.ts for one in known.followed), default=NEVER - window_ms) + window_ms


def contents(known: Recommended) -> dict[str, Any]:
    """What it holds, by the names of the fields, for people."""
    return {
        "followed": [msgspec.structs.asdict(one) for one in known.followed],
        "outcomes": [one._asdict() for one in outcomes.unpack(known.outcomes)],
    }


def _closed(known: Recommended, followed: Followed, evicted: bool = False) -> ClosedList:
    known.followed = [one for one in known.followed if one is not followed]
    happened, known.outcomes = outcomes.split(known.outcomes, _subject(followed.recommendation_id))
    return ClosedList(followed, happened, evicted)


def _find(lists: bytes, recommendation_id: str) -> Followed | None:
    """The newest list of that name."""
    name, at, found = xxhash.xxh3_64_digest(recommendation_id.encode()), 0, None
    while at < len(lists):
        length = _length(lists, at)
        if lists.startswith(name, at):
            _, ts, tier, items, model = _HEAD.unpack_from(lists, at)
            text = at + _HEAD.size + TAG_BYTES * items
            tags = lists[at + _HEAD.size : text]
            found = Followed(recommendation_id, ts, tier, lists[text : text + model].decode(), tags)
        at += length
    return found


def _length(lists: bytes, at: int) -> int:
    """Bytes of the list that begins there."""
    return _HEAD.size + TAG_BYTES * lists[at + _ITEMS_AT] + lists[at + _MODEL_AT]


def _subject(recommendation_id: str) -> int:
    return xxhash.xxh3_64_intdigest(recommendation_id.encode())


def _tag(click: Click, followed: Followed) -> int:
    """The item's tag; 0 where there is none, and for an item that is not in a list that is known."""
    tag = 0 if click.item_id is None else tag_of(click.item_id)
    tags = memoryview(followed.tags).cast("H")
    return tag if followed.tier == UNKNOWN or tag in tags else 0
