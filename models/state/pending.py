"""Decisions that await outcomes, and outcomes that await their decision, packed in 21 bytes each."""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from models.state.packed import find

_ENTRY: Final = struct.Struct("<QIqB")
#: An entry's `ts` alone.
_TIME: Final = struct.Struct("<12xqx")
_DECISION: Final = struct.Struct("<Q")
WIDTH: Final = _ENTRY.size
#: The same for numpy, which finds the oldest of 64 faster.
_FIELDS: Final = np.dtype([("decision", "<u8"), ("action", "<u4"), ("ts", "<i8"), ("outcomes", "u1")])


class Pending(NamedTuple):
    """A decision awaiting outcomes, or outcomes awaiting their decision (then `action` is 0).

    `decision` is the xxh3-64 of the decision id, `action` the 32-bit hash of the action's name, `ts` epoch
    ms of event time, `outcomes` the bits of `exposure.OUTCOMES` seen.
    """

    decision: int
    action: int
    ts: int
    outcomes: int = 0


def pack(entries: Iterable[Pending]) -> bytes:
    """Entries in order, as the state keeps them."""
    return b"".join(_ENTRY.pack(*entry) for entry in entries)


def unpack(entries: bytes) -> list[Pending]:
    """Entries in order."""
    return [Pending._make(entry) for entry in _ENTRY.iter_unpack(entries)]


def split(entries: bytes, oldest: int) -> tuple[list[Pending], bytes]:
    """The entries of event time `oldest` at the latest, and the others as the state keeps them."""
    due = [Pending._make(entry) for entry in _ENTRY.iter_unpack(entries) if entry[2] <= oldest]
    if not due:
        return due, entries
    times = enumerate(_TIME.iter_unpack(entries))
    return due, b"".join([entries[WIDTH * at : WIDTH * (at + 1)] for at, (ts,) in times if ts > oldest])


def find_entry(entries: bytes, decision: int) -> Pending | None:
    """The entry of a decision."""
    at = _place(entries, decision)
    return Pending._make(_ENTRY.unpack_from(entries, at)) if at >= 0 else None


def replaced(entries: bytes, entry: Pending) -> bytes:
    """Entries with another entry in the place of the one of its decision."""
    at = _place(entries, entry.decision)
    return entries[:at] + _ENTRY.pack(*entry) + entries[at + WIDTH :]


def without(entries: bytes, decision: int) -> bytes:
    """Entries without the one of a decision."""
    at = _place(entries, decision)
    return entries[:at] + entries[at + WIDTH :]


def pushed(entries: bytes, entry: Pending, bound: int) -> tuple[bytes, Pending | None]:
    """Entries with one more, and the entry that it pushed out.

    Beyond the bound that is the oldest by event time, the longest held among equals.
    """
    entries += _ENTRY.pack(*entry)
    if len(entries) <= bound * WIDTH:
        return entries, None
    at = WIDTH * int(np.frombuffer(entries, _FIELDS)["ts"].argmin())
    return entries[:at] + entries[at + WIDTH :], Pending._make(_ENTRY.unpack_from(entries, at))


def oldest_ts(entries: bytes) -> int:
    """Event time of the oldest entry; there is one at least."""
    return int(np.frombuffer(entries, _FIELDS)["ts"].min())


def _place(entries: bytes, decision: int) -> int:
    return find(entries, _DECISION.pack(decision), WIDTH)
