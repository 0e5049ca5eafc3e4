"""Small chunks that arrive together are processed as one; an error is its own chunk's alone."""

import asyncio
import threading

import pytest

from streams.effects import Effects, Work
from streams.transport.dispatch import INLINE_RECORDS, TOGETHER_RECORDS, Processing


class Echo:
    """Notes which chunks came in one call, and on which thread; "poison" cannot be processed."""

    def __init__(self):
        self.calls, self.threads = [], set()

    def process(self, works):
        self.calls.append([work.partition for work in works])
        self.threads.add(threading.current_thread())
        if any("poison" in work.records for work in works):
            raise ArithmeticError("poison")
        return [Effects(watermark=work.partition) for work in works]

    def reject(self, work, error):
        return Effects(watermark=-1)


def work(partition, records):
    return Work(partition, records, None, 0, 0.0)


def run(processing, works):
    async def together():
        return await asyncio.gather(*(processing.process(one) for one in works), return_exceptions=True)

    return asyncio.run(together())


def test_small_chunks_are_one_call_on_the_event_loop():
    echo = Echo()
    made = run(Processing(echo, 1), [work(number, [1] * 5) for number in range(4)])
    assert [effects.watermark for effects in made] == [0, 1, 2, 3]
    assert echo.calls == [[0, 1, 2, 3]]
    assert echo.threads == {threading.current_thread()}


def test_a_large_chunk_goes_to_the_thread_alone():
    echo = Echo()
    run(Processing(echo, 1), [work(0, [1] * (INLINE_RECORDS + 1)), work(1, [1])])
    assert sorted(echo.calls) == [[0], [1]]
    assert len(echo.threads) == 2


def test_without_threads_everything_is_on_the_event_loop():
    echo = Echo()
    run(Processing(echo, 0), [work(0, [1] * (INLINE_RECORDS + 1)), work(1, [1])])
    assert echo.threads == {threading.current_thread()}


def test_a_call_is_bounded():
    echo, chunks = Echo(), 3 * TOGETHER_RECORDS // INLINE_RECORDS
    run(Processing(echo, 1), [work(number, [1] * INLINE_RECORDS) for number in range(chunks)])
    assert [len(call) for call in echo.calls] == [TOGETHER_RECORDS // INLINE_RECORDS] * 3


def test_an_error_is_its_own_chunks_alone():
    echo = Echo()
    made = run(Processing(echo, 1), [work(0, [1]), work(1, ["poison"]), work(2, [1])])
    assert isinstance(made[1], ArithmeticError)
    assert [made[0].watermark, made[2].watermark] == [0, 2]
    assert echo.calls == [[0, 1, 2], [0], [1], [2]]


@pytest.mark.parametrize("threads", [0, 1])
def test_a_rejection_comes_back(threads):
    processing = Processing(Echo(), threads)
    assert asyncio.run(processing.reject(work(0, [1]), ValueError())).watermark == -1
