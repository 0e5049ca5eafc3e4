"""What visitors did with what was shown to them, packed in 27 bytes an outcome.

Of each kind the earliest counts, so that the order of arrival and repeats make no difference.
"""

import struct
from collections.abc import Mapping
from math import isfinite
from typing import Final, NamedTuple, get_args

from models.contract import baskets
from models.contract.events import Click, OutcomeName
from models.contract.rewards import JoinedOutcome

_ENTRY: Final = struct.Struct("<QBHqd")
WIDTH: Final = _ENTRY.size
KINDS: Final[tuple[OutcomeName, ...]] = get_args(OutcomeName)
SHOWN, CLICKED, BOUGHT, RATED, DISMISSED = range(len(KINDS))
#: Kinds by event, for decisions and for recommendations; an event's own `outcome` goes before.
OF_DECISIONS: Final[Mapping[str, int]] = {
    "view_promotion": SHOWN,
    "select_promotion": CLICKED,
    "purchase": BOUGHT,
    "rate_item": RATED,
}
OF_RECOMMENDATIONS: Final[Mapping[str, int]] = {
    **OF_DECISIONS,
    "view_item_list": SHOWN,
    "select_item": CLICKED,
    "view_item": CLICKED,
}

#: The default itself: msgspec leaves out what is identical to it.
_ZERO: Final[float] = JoinedOutcome("shown", 0).value


class Happened(NamedTuple):
    """An outcome: `subject` is the hash of the id that it names, `kind` a position in KINDS.

    `tag` is a hash of the recommended item (0: none), `at` epoch ms, `value` money or stars.
    """

    subject: int
    kind: int
    tag: int
    at: int
    value: float


def kind_of(click: Click, by_event: Mapping[str, int]) -> int | None:
    """Which kind of outcome an event reports; None for none."""
    if click.outcome is not None:
        return KINDS.index(click.outcome)
    return by_event.get(click.event)


def value_of(click: Click, kind: int) -> float:
    """What came of it: the purchase's amount, or the stars; 0 for other kinds and where it is not said."""
    said = baskets.worth(click) if kind == BOUGHT else click.rating if kind == RATED else None
    return said if said is not None and isfinite(said) else 0.0


def added(outcomes: bytes, new: Happened) -> bytes:
    """Outcomes with one more; the earlier one stays where its kind is there already."""
    for place, (subject, kind, tag, at, value) in enumerate(_ENTRY.iter_unpack(outcomes)):
        if subject == new.subject and kind == new.kind and tag == new.tag:
            if (at, value) <= (new.at, new.value):
                return outcomes
            start = WIDTH * place
            return outcomes[:start] + _ENTRY.pack(*new) + outcomes[start + WIDTH :]
    return outcomes + _ENTRY.pack(*new)


def split(outcomes: bytes, subject: int) -> tuple[bytes, bytes]:
    """The outcomes of one id, and the others."""
    if not outcomes:
        return b"", b""
    parts = [outcomes[start : start + WIDTH] for start in range(0, len(outcomes), WIDTH)]
    own = subject.to_bytes(8, "little")
    mine = [part for part in parts if part.startswith(own)]
    if not mine:
        return b"", outcomes
    return b"".join(mine), b"".join(part for part in parts if not part.startswith(own))


def unpack(outcomes: bytes) -> list[Happened]:
    """Outcomes as they were added."""
    return [Happened._make(entry) for entry in _ENTRY.iter_unpack(outcomes)]


def published(happened: bytes, since: int, window_ms: int, tags: bytes = b"") -> list[JoinedOutcome]:
    """Outcomes as a record names them, by time: those of less than `window_ms` after `since`.

    `tags` are those of a list's items, 2 bytes each: an item's position is that of its tag, from 1.
    """
    places = {tags[at : at + 2]: at // 2 + 1 for at in range(len(tags) - 2, -1, -2)}
    told = [
        JoinedOutcome(KINDS[kind], at, value or _ZERO, places.get(tag.to_bytes(2, "little"), 0))
        for _, kind, tag, at, value in unpack(happened)
        if at - since < window_ms
    ]
    return sorted(told, key=lambda one: (one.at, KINDS.index(one.event), one.position, one.value))
