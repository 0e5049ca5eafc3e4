"""Small cycles are processed on the event loop, large ones on a thread."""

import asyncio
import threading

import pytest

from streams.effects import Effects, Work
from streams.transport.dispatch import INLINE_RECORDS, Processing


class Echo:
    """Notes which batches came in one call, and on which thread; "poison" cannot be processed."""

    def __init__(self):
        self.calls, self.threads = [], set()

    def process(self, works):
        self.calls.append([work.partition for work in works])
        self.threads.add(threading.current_thread())
        if any("poison" in work.records for work in works):
            raise ArithmeticError("poison")
        return [Effects(watermark=work.partition) for work in works]


def work(partition, records):
    return Work(partition, records, None, 0, 0.0)


@pytest.mark.parametrize(
    ("threads", "records", "beside"),
    [(0, INLINE_RECORDS + 1, False), (1, INLINE_RECORDS, False), (1, INLINE_RECORDS + 1, True)],
)
def test_where_a_cycle_is_processed(threads, records, beside):
    echo = Echo()
    works = [work(0, [1] * (records - 1)), work(1, [1])]
    made = asyncio.run(Processing(echo, threads).process(works))
    assert [effects.watermark for effects in made] == [0, 1]
    assert echo.calls == [[0, 1]]
    assert (threading.current_thread() not in echo.threads) == beside


@pytest.mark.parametrize("records", [1, INLINE_RECORDS + 1])
def test_an_error_reaches_the_caller(records):
    with pytest.raises(ArithmeticError):
        asyncio.run(Processing(Echo(), 1).process([work(0, ["poison"] * records)]))
