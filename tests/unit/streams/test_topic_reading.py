"""A partition is read to its end, past marks of transactions and whatever is appended meanwhile."""

from typing import Any

import aiokafka
import pytest

from streams.topic_reading import read_to_end

PART = aiokafka.TopicPartition("items", 0)


class Log:
    """A consumer of one partition; None stands for a transaction's mark, which no fetch returns."""

    def __init__(self, records: list[Any], batch: int = 2, appended: tuple[Any, ...] = ()) -> None:
        self.records, self._batch, self._appended, self._at = records, batch, appended, 0

    def assign(self, parts: list[Any]) -> None:
        assert parts == [PART]

    async def seek_to_beginning(self, part: Any) -> None:
        self._at = 0

    def seek(self, part: Any, offset: int) -> None:
        self._at = offset

    async def end_offsets(self, parts: list[Any]) -> dict[Any, int]:
        return {PART: len(self.records)}

    async def position(self, part: Any) -> int:
        return self._at

    async def getmany(self, part: Any, timeout_ms: int) -> dict[Any, list[Any]]:
        start, self._at = self._at, min(self._at + self._batch, len(self.records))
        found = [one for one in self.records[start : self._at] if one is not None]
        self.records += self._appended
        self._appended = ()
        return {PART: found} if found else {}


async def read(log: Log, start: int | None = None) -> list[Any]:
    return [record async for batch in read_to_end(log, PART, start) for record in batch]


@pytest.mark.parametrize(
    ("records", "found"),
    [([], []), (["a", "b", "c"], ["a", "b", "c"]), (["a", None, None, "b", None], ["a", "b"]), ([None], [])],
)
async def test_all_records_are_read(records: list[Any], found: list[Any]):
    assert await read(Log(records)) == found


async def test_reading_may_begin_later():
    assert await read(Log(["a", "b", "c"]), start=1) == ["b", "c"]


async def test_what_is_appended_meanwhile_does_not_keep_it_reading():
    log = Log(["a", "b", "c", "d"], appended=("e", "f", "g"))
    assert await read(log) == ["a", "b", "c", "d"]
    # ... and the next fetch of the same consumer goes on from there.
    assert await log.getmany(PART, 0) == {PART: ["e", "f"]}
