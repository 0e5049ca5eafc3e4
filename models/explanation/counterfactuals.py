"""A session as it would have been without one of its clicks: event codes and feature row, recomputed.

The state keeps codes, not clicks, so clicks are made up that have these codes, and `session.step` and
`features.row` run over them twice: with all of them, and with one left out. What both runs agree on is taken
as it really was; where they differ (counts, cart, previous event, flags of later clicks, the dwell that now
spans two) the difference is applied to the real row and codes. So counts, flags and order are exact, and
times, prices and pieces, which codes keep in buckets only, cancel out unless the click left out changed them.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.events import Click
from models.explanation.synthetic_clicks import ONE_SESSION, synthetic_clicks, visitor_under_way
from models.features import features
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import CODE, WIDTH, unpack
from models.state.visitor import CODES_BYTES, Visitor, decode, encode

_KINDS: Final = [feature.kind.partition(":")[0] for feature in features.PACKED]
#: Values of these kinds move by what differs between two runs, the others take the second run's.
_ADDED: Final = np.isin(_KINDS, ("plain", "plain?", "log", "log?", "cycle", "ago"))
_AGO: Final = np.isin(_KINDS, ("ago",))
_VALUES: Final = 8 * len(features.PACKED)


class Session(NamedTuple):
    """A session up to one of its clicks, which is its last here.

    Packed `codes` of at most the last 50 clicks, the last one's packed feature `row` and 1-based `position`,
    which is more than there are codes where the first ones are gone.
    """

    codes: bytes
    row: bytes
    position: int

    @property
    def known(self) -> int:
        """Clicks with a code."""
        return len(self.codes) // WIDTH


class _Run(NamedTuple):
    """Clicks walked: their codes, and the last one's row."""

    codes: list[bytes]
    row: bytes


def replay(before: Visitor | None, clicks: Sequence[Click], config: SessionConfig) -> Session:
    """The session of real clicks, of which none is late or repeated, after the visitor `before` them."""
    run = _replayed(encode(before) if before else b"", clicks, config)
    return Session(b"".join(run.codes)[-CODES_BYTES:], run.row, len(clicks))


def leave_one_out(session: Session) -> list[Session]:
    """The session without its first known click, without its second, ...; none where it has but one.

    Without its last click it ends with the one before.
    """
    real = unpack(session.codes)
    if len(real) < 2:
        return []
    clicks = synthetic_clicks(real)
    start = visitor_under_way(real) if session.position > len(real) else b""
    whole = _replayed(start, clicks, ONE_SESSION)
    # The variants share their beginnings: each starts from the visitor before the click that it leaves out.
    befores = _befores(start, clicks)
    runs = [_replayed(before, clicks[at + 1 :], ONE_SESSION) for at, before in enumerate(befores[:-1])]
    rows = [run.row for run in runs] + [_replayed(befores[-2], clicks[-2:-1], ONE_SESSION).row]
    codes = [b"".join(whole.codes[:at] + run.codes) for at, run in enumerate(runs)]
    codes.append(b"".join(whole.codes[:-1]))
    patched = _patched_codes(real, unpack(b"".join(whole.codes)), unpack(b"".join(codes)))
    changed = _patched_values(session.row, whole.row, rows)
    made = zip(patched, changed, strict=True)
    return [_session(codes.tobytes(), values.tobytes(), session) for codes, values in made]


def _session(codes: bytes, values: bytes, of: Session) -> Session:
    """One click shorter than `of`; a row may end with its click's code."""
    code = codes[-WIDTH:] if len(of.row) > _VALUES else b""
    return Session(codes, values + code, of.position - 1)


def _replayed(before: bytes, clicks: Sequence[Click], config: SessionConfig) -> _Run:
    visitor = decode(before) if before else None
    codes = []
    for click in clicks:
        visitor, facts = step(visitor, click, click.ts, config)
        codes.append(facts.code)
    assert visitor is not None
    return _Run(codes, features.row(visitor, click, facts))


def _befores(before: bytes, clicks: Sequence[Click]) -> list[bytes]:
    """The visitor's record before each click."""
    visitor, records = decode(before) if before else None, []
    for click in clicks:
        records.append(encode(visitor) if visitor else b"")
        visitor, _ = step(visitor, click, click.ts, ONE_SESSION)
    return records


def _patched_codes(
    real: NDArray[np.void], whole: NDArray[np.void], without: NDArray[np.void]
) -> NDArray[np.void]:
    """Real codes `[n, n - 1]` without one each, with the dwells and flags that this changes."""
    count = len(real)
    place = np.arange(count - 1) + (np.arange(count - 1) >= np.arange(count)[:, None])
    made, before, after = real[place], whole[place], without.reshape(count, count - 1)
    made["dwell"] = np.where(after["dwell"] != before["dwell"], after["dwell"], made["dwell"])
    made["flags"] ^= before["flags"] ^ after["flags"]
    return np.asarray(made, dtype=CODE)


def _patched_values(real: bytes, whole: bytes, without: Sequence[bytes]) -> NDArray[np.float64]:
    """Raw feature values `[n, features]`: the real ones with what differs between both runs."""
    was, before = (np.frombuffer(row[:_VALUES]) for row in (real, whole))
    after = np.frombuffer(b"".join(row[:_VALUES] for row in without)).reshape(-1, len(was))
    added = was + (after - before)
    # "Now" (0), "never" (below 0) and "missing" (NaN) cannot be moved, only replaced.
    replaced = np.isnan(added) | (_AGO & ((after <= 0) | (before < 0) | (was < 0)))
    moved = np.where(_ADDED & ~replaced, np.where(_AGO, np.maximum(added, 0), added), after)
    held = (after == before) | (np.isnan(after) & np.isnan(before))
    return np.where(held, was, moved)
