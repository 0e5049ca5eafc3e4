"""The latest answers of a partition, for look-ups; kept by chunk, which costs next to nothing."""

from collections import deque
from typing import NamedTuple

from streams.effects import Message

#: Clicks of a partition whose answers are kept.
ANSWERS_KEPT = 10_000


class KeptAnswers(NamedTuple):
    """The answers to a click, and the packed features of the click."""

    answers: tuple[Message, ...]
    row: bytes


class AnsweredChunk(NamedTuple):
    """By click: visitor id, answers, packed features."""

    visitors: list[str]
    answers: list[tuple[Message, ...]]
    rows: list[bytes]


class LatestAnswers:
    """The answers to the latest ANSWERS_KEPT clicks, and to those of the oldest chunk among them."""

    def __init__(self) -> None:
        self.chunks: deque[AnsweredChunk] = deque()
        self._clicks = 0

    def add(self, chunk: AnsweredChunk) -> None:
        """Keep the answers of a chunk."""
        self.chunks.append(chunk)
        self._clicks += len(chunk.visitors)
        while self._clicks - len(self.chunks[0].visitors) >= ANSWERS_KEPT:
            self._clicks -= len(self.chunks.popleft().visitors)

    def of(self, visitor_id: str) -> KeptAnswers | None:
        """The latest answers to a visitor; None: none are kept."""
        for visitors, answers, rows in reversed(list(self.chunks)):
            if visitor_id in visitors:
                place = max(place for place, one in enumerate(visitors) if one == visitor_id)
                return KeptAnswers(answers[place], rows[place])
        return None

    def forget(self, visitor_id: str) -> None:
        """Remove a visitor's answers."""
        for visitors, answers, rows in self.chunks:
            for place in [place for place, one in enumerate(visitors) if one == visitor_id]:
                visitors[place], answers[place], rows[place] = "", (), b""
