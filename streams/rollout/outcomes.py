"""What became of clicks that two versions scored: bought later in the session, or not.

Only as long as a comparison runs, and only in memory: a restart or a rebalance forgets what is pending.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.pipeline.chunk import Applied, Chunk

#: Visitors whose sessions are awaited; of more the longest awaited are let go.
MOST_VISITORS = 20_000
PURCHASE = "purchase"


class PendingAnswer(NamedTuple):
    """Clicks of one session: what incumbent and challenger said of each."""

    session: int
    said: list[tuple[float, float]]


class Outcomes:
    """Pairs of probabilities until their session buys or ends, and then as rows of `known`."""

    def __init__(self) -> None:
        self._pending: dict[bytes, PendingAnswer] = {}
        self._known: list[tuple[float, float, bool]] = []

    @property
    def known(self) -> NDArray[np.float32]:
        """[N, 3]: what the incumbent said, what the challenger said, and whether it came to a purchase."""
        return np.array(self._known, dtype=np.float32).reshape(-1, 3)

    def take(self, chunk: Chunk, scored: Iterable[tuple[int, float, float]] = ()) -> None:
        """What a committed chunk says of clicks scored before, and of its own: those that were `scored`.

        These are numbers in `chunk.applied` with what the two versions said of them.
        """
        said = {number: (incumbent, challenger) for number, incumbent, challenger in scored}
        if not said and not self._pending:
            return
        for number, applied in enumerate(chunk.applied):
            # A click is no outcome of itself: a purchase says something of the clicks before it.
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
        """Let go of a visitor; what is known already says not of whom."""
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
