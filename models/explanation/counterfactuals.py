"""A session as it would have been without one of its clicks: its event codes and feature row.

The state keeps codes, not clicks. So synthetic clicks that have these codes are replayed through
`session.step` and `features.row` twice: all of them, and all but one. Where both replays agree, the real
value is kept. Where they differ (counts, cart, previous event, flags of later clicks, a dwell that now spans
two clicks), the difference is applied to the real row and codes. So counts, flags and order are exact. Times,
prices and numbers of pieces, which codes keep in buckets only, cancel out unless the omitted click changed
them.
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
#: Values of these kinds are shifted by the difference of two replays; others take the second replay's value.
_ADDED: Final = np.isin(_KINDS, ("plain", "plain?", "log", "log?", "cycle", "ago"))
_AGO: Final = np.isin(_KINDS, ("ago",))
_VALUES: Final = 8 * len(features.PACKED)


class Session(NamedTuple):
    """A session up to one of its clicks, the last one here.

    `codes` are the packed codes of at most the last 50 clicks; `row` is the packed feature row of the last
    click, `position` its 1-based index in the session, which exceeds the number of codes in a long session.
    """

    codes: bytes
    row: bytes
    position: int

    @property
    def known(self) -> int:
        """Number of clicks with a code."""
        return len(self.codes) // WIDTH


class _Run(NamedTuple):
    """Replayed clicks: their codes, and the row of the last one."""

    codes: list[bytes]
    row: bytes


def replay(before: Visitor | None, clicks: Sequence[Click], config: SessionConfig) -> Session:
    """The session of real clicks, none of them late or repeated; `before` is the visitor before them."""
    run = _replayed(encode(before) if before else b"", clicks, config)
    return Session(b"".join(run.codes)[-CODES_BYTES:], run.row, len(clicks))


def leave_one_out(session: Session) -> list[Session]:
    """The session without its first known click, without its second, and so on; none where it has only one.

    Without its last click, the session ends with the click before.
    """
    real = unpack(session.codes)
    if len(real) < 2:
        return []
    clicks = synthetic_clicks(real)
    start = visitor_under_way(real) if session.position > len(real) else b""
    whole = _replayed(start, clicks, ONE_SESSION)
    # Variants share their beginnings: each starts from the visitor before the omitted click.
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
    """One click shorter than `of`; a packed row may end with the click's code."""
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
    """Real codes `[n, n - 1]`, each row without one click, with the dwells and flags that this changes."""
    count = len(real)
    place = np.arange(count - 1) + (np.arange(count - 1) >= np.arange(count)[:, None])
    made, before, after = real[place], whole[place], without.reshape(count, count - 1)
    made["dwell"] = np.where(after["dwell"] != before["dwell"], after["dwell"], made["dwell"])
    made["flags"] ^= before["flags"] ^ after["flags"]
    return np.asarray(made, dtype=CODE)


def _patched_values(real: bytes, whole: bytes, without: Sequence[bytes]) -> NDArray[np.float64]:
    """Raw feature values `[n, features]`: the real ones, with the differences of both replays applied."""
    was, before = (np.frombuffer(row[:_VALUES]) for row in (real, whole))
    after = np.frombuffer(b"".join(row[:_VALUES] for row in without)).reshape(-1, len(was))
    added = was + (after - before)
    # "Now" (0), "never" (below 0) and "missing" (NaN) cannot be shifted, only replaced.
    replaced = np.isnan(added) | (_AGO & ((after <= 0) | (before < 0) | (was < 0)))
    moved = np.where(_ADDED & ~replaced, np.where(_AGO, np.maximum(added, 0), added), after)
    held = (after == before) | (np.isnan(after) & np.isnan(before))
    return np.where(held, was, moved)
