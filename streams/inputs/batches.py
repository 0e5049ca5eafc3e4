"""The input of one transaction: records of one or several input topics, and the positions after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

#: The name of the input that Faust fetches, as the topic of its part.
CLICKS: Final = "clicks"


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one input topic, and its position (next offset) once they are applied."""

    topic: str
    topic_id: str
    records: Sequence[Any]
    end: int


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Parts of different topics, in the order in which they are applied; clicks are the last.

    `fetched_at` is when the clicks were fetched (monotonic seconds).
    """

    parts: Sequence[Part]
    fetched_at: float

    @property
    def size(self) -> int:
        """Records of all parts."""
        return sum(len(part.records) for part in self.parts)

    @property
    def ends(self) -> dict[str, int]:
        """The positions reached, by topic id."""
        return {part.topic_id: part.end for part in self.parts}

    def halves(self) -> "tuple[InputBatch, InputBatch]":
        """Two batches to be applied one after the other, of a batch of two records or more.

        Topics are separated before records are, so that an error in one topic does not divide the other.
        """
        filled = [part for part in self.parts if part.records]
        if len(filled) > 1:
            last = filled.pop()
            empty = [part for part in self.parts if not part.records]
            return InputBatch(filled, self.fetched_at), InputBatch([last, *empty], self.fetched_at)
        (part,) = filled
        middle = len(part.records) // 2
        first = Part(part.topic, part.topic_id, part.records[:middle], part.records[middle].offset)
        second = Part(part.topic, part.topic_id, part.records[middle:], part.end)
        others = [one for one in self.parts if one is not part]
        return InputBatch([first], self.fetched_at), InputBatch([second, *others], self.fetched_at)


def since(records: Sequence[Any], position: int) -> Sequence[Any]:
    """The records from an offset on."""
    if not records or records[0].offset >= position:
        return records
    return [record for record in records if record.offset >= position]
