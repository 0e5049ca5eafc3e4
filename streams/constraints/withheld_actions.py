"""What the actions file withholds from a chunk's clicks by rules that count nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.constraints.action_limits import ActionLimits, hashed, in_holdout
from models.contract.decision_context import Context
from models.contract.events import Click
from models.decisions.withholding import AUDIENCE, DO_NOT_TARGET, FLIGHT, HOLDOUT
from streams.constraints.audience_columns import Column, audience_columns

Bits = NDArray[np.int64]


class HasClick(Protocol):
    """An applied click."""

    @property
    def click(self) -> Click:
        """As it was decoded."""
        ...


class Withheld(NamedTuple):
    """The actions (bits) that are withheld from a click, all and by reason."""

    bits: int
    reasons: Mapping[str, int]


#: From most clicks nothing is withheld.
NOTHING: Final = Withheld(0, {})


class Withholder:
    """Evaluates the limits of one action set over whole chunks."""

    def __init__(self, limits: ActionLimits) -> None:
        self._limits, self._names = limits, limits.names
        parts = {
            HOLDOUT: (limits.holdout is not None, self._held_out),
            DO_NOT_TARGET: (bool(limits.untargeted or limits.avoided), self._untargeted),
            FLIGHT: (limits.windows is not None, self._closed),
            AUDIENCE: (bool(limits.audiences), self._outside),
        }
        self._parts = [(reason, part) for reason, (used, part) in parts.items() if used]

    def of(
        self, applied: Sequence[HasClick], contexts: Sequence[Context], rows: Callable[[], bytes]
    ) -> Sequence[Withheld]:
        """What is withheld from each click; nothing without consent, where only `none` is allowed anyway.

        `rows` returns the clicks' packed feature rows.
        """
        if not self._parts or not applied:
            return [NOTHING] * len(applied)
        clicks = [one.click for one in applied]
        columns = audience_columns(self._names, clicks, contexts, rows)
        taken = np.array([0 if context.consent else -1 for context in contexts], dtype=np.int64)
        found = []
        for _, part in self._parts:
            bits = part(clicks, columns) & ~taken
            taken |= bits
            found.append(bits.tolist())
        return self._named(list(zip(*found, strict=True)))

    def _named(self, rows: Sequence[tuple[int, ...]]) -> Sequence[Withheld]:
        """Clicks alike share what is said of them."""
        known = {row: self._withheld(row) for row in set(rows)}
        return [known[row] for row in rows]

    def _withheld(self, row: tuple[int, ...]) -> Withheld:
        reasons = {reason: bits for (reason, _), bits in zip(self._parts, row, strict=True) if bits}
        return Withheld(sum(reasons.values()), reasons) if reasons else NOTHING

    def _held_out(self, clicks: Sequence[Click], _: Mapping[str, Column]) -> Bits:
        holdout, others = self._limits.holdout, self._limits.others
        assert holdout is not None
        return np.array(
            [others if in_holdout(holdout, click.visitor_id) else 0 for click in clicks], dtype=np.int64
        )

    def _untargeted(self, clicks: Sequence[Click], columns: Mapping[str, Column]) -> Bits:
        bits = np.zeros(len(clicks), dtype=np.int64)
        if listed := self._limits.untargeted:
            bits |= np.array([listed.get(hashed(click.visitor_id), 0) for click in clicks], dtype=np.int64)
        for audience, actions in self._limits.avoided:
            bits |= np.where(audience.holds(columns, len(clicks)), actions, 0)
        return bits

    def _closed(self, clicks: Sequence[Click], _: Mapping[str, Column]) -> Bits:
        windows = np.array(self._limits.windows, dtype=np.int64)
        ts = np.array([click.ts for click in clicks], dtype=np.int64)[:, None]
        closed = (ts < windows[:, 0]) | (ts >= windows[:, 1])
        bits: Bits = closed @ (1 << np.arange(len(windows), dtype=np.int64))
        return bits

    def _outside(self, clicks: Sequence[Click], columns: Mapping[str, Column]) -> Bits:
        bits = np.zeros(len(clicks), dtype=np.int64)
        for audience, actions in self._limits.audiences:
            bits |= np.where(audience.holds(columns, len(clicks)), 0, actions)
        return bits
