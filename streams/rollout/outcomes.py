"""Outcomes of clicks that two versions scored: whether the session bought later.

Kept in memory while a comparison runs; a restart or a rebalance drops pending clicks.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.pipeline.chunk import Applied, Chunk

#: Most visitors with pending clicks; beyond it the oldest are dropped.
MOST_VISITORS = 20_000
PURCHASE = "purchase"


class PendingAnswer(NamedTuple):
    """Pending clicks of one session: the probabilities by incumbent and challenger."""

    session: int
    said: list[tuple[float, float]]


class Outcomes:
    """Pairs of probabilities: pending until their session buys or ends, then rows of `known`."""

    def __init__(self) -> None:
        self._pending: dict[bytes, PendingAnswer] = {}
        self._known: list[tuple[float, float, bool]] = []

    @property
    def known(self) -> NDArray[np.float32]:
        """[N, 3]: probability by the incumbent, by the challenger, and whether the session bought."""
        return np.array(self._known, dtype=np.float32).reshape(-1, 3)

    def take(self, chunk: Chunk, scored: Iterable[tuple[int, float, float]] = ()) -> None:
        """Resolve pending clicks by a committed chunk, and add its own clicks that were `scored`.

        `scored` has indices in `chunk.applied` with the probabilities by both versions.
        """
        said = {number: (incumbent, challenger) for number, incumbent, challenger in scored}
        if not said and not self._pending:
            return
        for number, applied in enumerate(chunk.applied):
            # A purchase is the outcome of the clicks before it, not of itself.
            if applied.click.event == PURCHASE:
                self._resolve(applied)
            if number in said:
                self._await(applied, said[number])
        for key, entry in chunk.entries.items():
            waiting, visitor = self._pending.get(key), entry.visitor
            if waiting and (visitor is None or visitor.ended or visitor.sessions != waiting.session):
                self._close(key, False)
        while len(self._pending) > MOST_VISITORS:
            del self._pending[next(iter(self._pending))]

    def forget(self, key: bytes) -> None:
        """Drop the pending clicks of a visitor; known outcomes do not name visitors."""
        self._pending.pop(key, None)

    def _await(self, applied: Applied, said: tuple[float, float]) -> None:
        key = applied.entry.key
        waiting = self._pending.get(key)
        if waiting is not None and waiting.session != applied.session:
            self._close(key, False)
            waiting = None
        if waiting is None:
            waiting = self._pending[key] = PendingAnswer(applied.session, [])
        waiting.said.append(said)

    def _resolve(self, applied: Applied) -> None:
        waiting = self._pending.get(applied.entry.key)
        if waiting is not None and waiting.session == applied.session:
            self._close(applied.entry.key, True)

    def _close(self, key: bytes, bought: bool) -> None:
        self._known += [(*said, bought) for said in self._pending.pop(key).said]
