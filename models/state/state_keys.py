"""Keys of the state; their first letter is the kind, since all kinds share one table and one changelog."""

from typing import Final

VISITOR: Final = b"v"
TIMER: Final = b"t"
#: A visitor's wrapped key, where answers are sealed.
ENVELOPE: Final = b"e"
#: A visitor's profile given by the topic `profiles`.
GIVEN: Final = b"g"
#: What the partition has been granted, has returned and has spent of budgets: one record.
BUDGETS: Final = b"b"
#: A user and their devices.
USER: Final = b"u"
#: Which visitors of the partition are linked to a user.
LINK: Final = b"l"
#: A decision that awaits its outcomes, as it was made.
DECISION: Final = b"d"
ANALYTICS: Final = b"a"
#: What chunks have counted since the last fold, by number from 0.
ANALYTICS_ADDED: Final = ANALYTICS + b"d"
#: Records of the topic `analytics` as they were published, by pane and kind.
ANALYTICS_PANE: Final = ANALYTICS + b"p"
#: How many folds there were: what was counted before the last one is in the panes.
ANALYTICS_FOLDS: Final = ANALYTICS + b"f"
PANE: Final = b"p"
ITEM_PANE: Final = PANE + b"i"
FUNNEL_PANE: Final = PANE + b"f"

_TIMER_PREFIX: Final = len(TIMER) + 4
_PANE_PREFIX: Final = len(ITEM_PANE) + 4


def visitor(visitor_id: str) -> bytes:
    """The key of a visitor's record."""
    return VISITOR + visitor_id.encode()


def visitor_id(key: bytes) -> str:
    """The visitor of a visitor's key."""
    return visitor_name(key).decode()


def visitor_name(key: bytes) -> bytes:
    """The visitor of a visitor's key, in UTF-8 as records have it."""
    return key[len(VISITOR) :]


def envelope(visitor_key: bytes) -> bytes:
    """Where the key that seals a visitor's answers is kept, by the key of their record."""
    return ENVELOPE + visitor_name(visitor_key)


def envelope_owner(key: bytes) -> bytes:
    """The visitor's id in UTF-8, by the key of what seals their answers."""
    return key[len(ENVELOPE) :]


def given(visitor_key: bytes) -> bytes:
    """Where what the topic `profiles` says of a visitor is kept, by the key of their record."""
    return GIVEN + visitor_name(visitor_key)


def user(user_id: str) -> bytes:
    """The key of a user's record."""
    return USER + user_id.encode()


def links(user_id: str) -> bytes:
    """Where the visitors linked to a user begin; the length keeps those of a longer id apart."""
    name = user_id.encode()
    return LINK + len(name).to_bytes(4, "big") + name


def link(user_id: str, visitor_key: bytes) -> bytes:
    """The key that says that a visitor is linked to a user; its value is empty."""
    return links(user_id) + visitor_name(visitor_key)


def link_parts(key: bytes) -> tuple[str, str]:
    """User and visitor of such a key."""
    start = len(LINK) + 4
    end = start + int.from_bytes(key[len(LINK) : start], "big")
    return key[start:end].decode(), key[end:].decode()


def linked(user_id: str, key: bytes) -> bytes:
    """The key of the visitor's record, of such a key of that user."""
    return VISITOR + key[len(links(user_id)) :]


def decision(visitor_key: bytes, decision_hash: int) -> bytes:
    """Where a visitor's open decision is kept, by the hash of its id; the hash is the key's last 8 bytes."""
    return DECISION + visitor_name(visitor_key) + decision_hash.to_bytes(8, "big")


def decision_visitor(key: bytes) -> bytes:
    """The key of the visitor's record, of such a key."""
    return VISITOR + key[len(DECISION) : -8]


def timer(minute: int, visitor_key: bytes) -> bytes:
    """The key of a visitor's timer due at `minute` (epoch minutes of event time): sorts by time."""
    return timers_from(minute) + visitor_key


def timers_from(minute: int) -> bytes:
    """The start of a scan for timers from `minute` on; from the first key it would pass all deleted ones."""
    return TIMER + minute.to_bytes(4, "big")


def timer_parts(key: bytes) -> tuple[int, bytes]:
    """Minute and visitor's key of a timer's key."""
    return int.from_bytes(key[len(TIMER) : _TIMER_PREFIX], "big"), key[_TIMER_PREFIX:]


def item_pane(pane: int, item_id: str) -> bytes:
    """The key of an item's counters in pane number `pane` (event time divided by the pane's width)."""
    return ITEM_PANE + pane.to_bytes(4, "big") + item_id.encode()


def funnel_pane(pane: int) -> bytes:
    """The key of the funnel's counters in pane number `pane`."""
    return FUNNEL_PANE + pane.to_bytes(4, "big")


def analytics_added(number: int) -> bytes:
    """The key of what a chunk has counted."""
    return ANALYTICS_ADDED + number.to_bytes(4, "big")


def analytics_pane(pane: int, kind: int) -> bytes:
    """The key of one kind of counts in analytics pane number `pane`."""
    return ANALYTICS_PANE + pane.to_bytes(4, "big") + bytes((kind,))


def analytics_pane_parts(key: bytes) -> tuple[int, int]:
    """Pane and kind of such a key."""
    return int.from_bytes(key[len(ANALYTICS_PANE) : -1], "big"), key[-1]


def pane_parts(key: bytes) -> tuple[int, bytes]:
    """Pane number and the rest (an item id in UTF-8, or nothing) of a pane's key."""
    return int.from_bytes(key[len(ITEM_PANE) : _PANE_PREFIX], "big"), key[_PANE_PREFIX:]
