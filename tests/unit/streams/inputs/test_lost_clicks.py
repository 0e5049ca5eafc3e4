"""Clicks that retention deleted unread: found after a reset of the position, and counted once."""

from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.errors import PositionError
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.click_queue import ClickQueue
from streams.inputs.lost_clicks import LostClicks
from streams.transport.consumer import Consumer
from tests.offline import Record

CLICKS = TP("clicks", 0)
EPOCH = Epoch(1, 0)


class Thread:
    """aiokafka's position of one partition over a log that begins at `begin`."""

    def __init__(self, position):
        self.position, self.begin, self.reset, self.asked = position, 0, object(), 0
        self.assignment = object()

    def delete_before(self, offset):
        """Retention deletes; the next fetch below it is refused and the position reset."""
        self.begin = offset
        if self.position < offset:
            self.position, self.reset = offset, object()

    def fetch(self, *offsets):
        """Records that are handed out, and where the position is afterwards."""
        self.position = offsets[-1] + 1
        return [Record(offset, 0, b"k", b"v") for offset in offsets]

    def assign(self, committed):
        """A rebalance gives the partition anew: the position is what the group has committed."""
        self.position, self.reset, self.assignment = committed, object(), object()

    def position_state(self, tp):
        return self.assignment, self.reset

    def position_now(self, tp):
        return self.position

    async def earliest_offsets(self, tp):
        self.asked += 1
        return {tp: self.begin}


class Fetches:
    """A consumer's bookkeeping of one partition: spans and losses of what its thread fetched."""

    def __init__(self, position):
        self.thread = Thread(position)
        self.failures = []
        self.consumer = made = object.__new__(Consumer)
        made._thread, made._losses = self.thread, LostClicks(self.thread)
        made._chain, made._chain_epoch = {CLICKS: position}, 0
        made.runtime = SimpleNamespace(
            epoch=0, config=SimpleNamespace(topic="clicks"), fail=self.failures.append
        )
        made._losses.follow(CLICKS)

    async def chunk(self, records):
        """The span of a fetch and how many clicks were lost at its start."""
        lost = await self.consumer._lost(CLICKS, records)
        return self.consumer._span(CLICKS, None, records), lost


async def test_a_position_below_the_logs_start_is_a_loss():
    fetches = Fetches(10)
    fetches.thread.delete_before(40)
    assert await fetches.chunk(fetches.thread.fetch(40, 41)) == ((10, 42), 30)
    assert await fetches.chunk(fetches.thread.fetch(42)) == ((42, 43), 0)


async def test_everything_deleted_is_a_loss_without_a_record():
    fetches = Fetches(10)
    fetches.thread.delete_before(15)
    assert await fetches.chunk(None) == ((10, 15), 5)
    assert await fetches.chunk(None) == (None, 0)


async def test_a_reset_after_the_records_counts_with_the_next_chunk():
    fetches = Fetches(10)
    records = fetches.thread.fetch(10, 11)
    fetches.thread.delete_before(20)
    assert await fetches.chunk(records) == ((10, 12), 0)
    assert await fetches.chunk(fetches.thread.fetch(20)) == ((12, 21), 8)
    assert await fetches.chunk(None) == (None, 0)


async def test_marks_of_transactions_are_no_loss_and_no_question():
    fetches = Fetches(10)
    assert await fetches.chunk(fetches.thread.fetch(12, 14)) == ((10, 15), 0)
    fetches.thread.position = 17
    assert await fetches.chunk(None) == ((15, 17), 0)
    assert fetches.thread.asked == 0


async def test_marks_behind_a_loss_are_not_counted_with_it():
    fetches = Fetches(10)
    fetches.thread.delete_before(20)
    assert await fetches.chunk(fetches.thread.fetch(23)) == ((10, 24), 10)


async def test_deletions_of_what_was_read_are_no_loss():
    fetches = Fetches(10)
    records = fetches.thread.fetch(10, 11)
    fetches.thread.delete_before(12)
    assert await fetches.chunk(records) == ((10, 12), 0)


async def test_two_losses_before_one_chunk_are_one():
    fetches = Fetches(10)
    fetches.thread.delete_before(20)
    fetches.thread.delete_before(30)
    assert await fetches.chunk(fetches.thread.fetch(30)) == ((10, 31), 20)


async def test_a_log_that_ends_before_the_position_ends_the_worker():
    fetches = Fetches(10)
    fetches.thread.position, fetches.thread.reset = 4, object()
    assert await fetches.chunk(None) == (None, 0)
    (error,) = fetches.failures
    assert isinstance(error, PositionError)
    assert "ends at 4, its state has read up to 10" in str(error)
    assert "pathcast state rebase" in str(error)


def chunk(start, end, lost, *offsets):
    records = [Record(offset, 0, b"k", b"v") for offset in offsets]
    return Chunk("clicks", 0, end - 1, 0, start, end, records, EPOCH, 0.0, lost=lost)


@pytest.mark.parametrize(("position", "lost"), [(10, 30), (25, 15), (40, 0), (41, 0)])
def test_a_loss_counts_as_far_as_it_is_not_applied(position, lost):
    queue = ClickQueue(100)
    queue.offer(chunk(10, 42, 30, 40, 41))
    taken = queue.take(position, EPOCH, 100)
    assert (taken.end, taken.lost) == (42, lost)


def test_a_divided_chunk_counts_its_loss_once():
    queue = ClickQueue(100)
    queue.offer(chunk(10, 44, 30, 40, 41, 42, 43))
    first, second = queue.take(10, EPOCH, 1), queue.take(41, EPOCH, 100)
    assert (first.end, first.lost) == (41, 30)
    assert (second.end, second.lost) == (44, 0)


def test_a_chunk_of_an_older_epoch_counts_nothing():
    queue = ClickQueue(100)
    queue.offer(chunk(10, 42, 30, 40))
    assert queue.take(10, Epoch(1, 1), 100).lost == 0


async def test_a_new_assignment_while_a_fetch_is_awaited_is_no_truncated_log():
    fetches = Fetches(10)
    assert await fetches.chunk(fetches.thread.fetch(10, 11)) == ((10, 12), 0)
    fetches.thread.assign(10)
    assert await fetches.chunk(None) == (None, 0)
    assert fetches.failures == []
