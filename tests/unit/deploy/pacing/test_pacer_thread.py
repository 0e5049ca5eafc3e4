"""The pacer beside other work: it is tried again, gives way to another one, and ends with that work."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from deploy.pacing.budget_pacer import PacerError, PacerReplacedError
from deploy.pacing.pacer_thread import PacerThread, paced
from models.errors import PathcastError


class Pacers:
    """Makes pacers that end as `ends` says in turn; later ones run until they are stopped."""

    def __init__(self, *ends: Exception) -> None:
        self.ends, self.made, self.stopped = list(ends), 0, 0
        self.running = threading.Event()

    def __call__(self, every: float = 0.5) -> "Pacers":
        self.made += 1
        if self.ends and type(self.ends[0]) is PathcastError:
            raise self.ends.pop(0)
        return self

    async def run(self, stop: asyncio.Event) -> None:
        if self.ends:
            raise self.ends.pop(0)
        self.running.set()
        await stop.wait()
        self.stopped += 1


def test_it_paces_beside_the_work_and_ends_with_it() -> None:
    made = Pacers()
    with paced(made):
        assert made.running.wait(20)
        assert made.stopped == 0
    assert (made.made, made.stopped) == (1, 1)


def test_the_works_own_error_ends_it_too() -> None:
    made = Pacers()

    def work() -> None:
        with paced(made):
            assert made.running.wait(20)
            raise KeyError("the work")

    with pytest.raises(KeyError):
        work()
    assert made.stopped == 1


class Deaf(Pacers):
    """Does not see the stop, as one that waits for its topics."""

    async def run(self, stop: asyncio.Event) -> None:
        self.running.set()
        await asyncio.sleep(600)


def test_one_that_does_not_end_by_itself_is_ended() -> None:
    made = Deaf()
    thread = PacerThread(made, grace=0.01)
    thread.start()
    assert made.running.wait(20)
    thread.close()
    assert not thread._thread.is_alive()


@pytest.mark.parametrize(
    "failure", [PacerError("unreadable"), OSError("no broker"), PathcastError("no topic")], ids=repr
)
def test_a_failure_is_tried_again(failure: Exception) -> None:
    made = Pacers(failure)
    thread = PacerThread(made, pause=0.01)
    thread.start()
    assert made.running.wait(20)
    thread.close()
    assert (made.made, made.stopped) == (2, 1)


def test_it_gives_way_to_another_pacer() -> None:
    made = Pacers(PacerReplacedError("another one"))
    thread = PacerThread(made, pause=0.01)
    thread.start()
    ended(thread)
    thread.close()
    assert (made.made, made.running.is_set()) == (1, False)


def test_it_ends_while_it_waits_for_the_next_attempt() -> None:
    made = Pacers(OSError("no broker"))
    thread = PacerThread(made, pause=600.0)
    thread.start()
    until(lambda: made.made == 1)
    thread.close()
    assert made.made == 1


def ended(thread: PacerThread) -> None:
    until(lambda: not thread._thread.is_alive())


def until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(2_000):
        if true():
            return
        waited.wait(0.01)
    raise AssertionError("it did not come to that within 20 s")
