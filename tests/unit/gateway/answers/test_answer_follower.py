"""The follower of answers over a consumer that a test controls: it goes on whatever happens."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from gateway.answers import answer_follower
from gateway.answers.answer_follower import AnswerFollower
from gateway.http import kept_running

PART = TopicPartition("recommendations", 0)


class Consumer:
    """Gives batches that a test puts, and raises errors among them; one for all connections."""

    def __init__(self):
        self.news, self.sought, self.stopped = asyncio.Queue(), [], 0

    async def start(self):
        pass

    async def stop(self):
        self.stopped += 1

    def assignment(self):
        return {PART}

    def seek(self, part, offset):
        self.sought.append(offset)

    async def seek_to_end(self, part):
        pass

    async def position(self, part):
        return 7

    async def getmany(self, timeout_ms):
        found = await self.news.get()
        if isinstance(found, Exception):
            raise found
        return {PART: [SimpleNamespace(key=b"anna", value=found[1], offset=found[0])]}


@pytest.mark.parametrize("fault", [KafkaConnectionError("away"), ZeroDivisionError()])
async def test_it_follows_again_from_where_it_was_and_says_why_it_is_not_ready(fault, monkeypatch):
    monkeypatch.setattr(kept_running, "PAUSE_SECONDS", 0.01)
    consumer, taken = Consumer(), asyncio.Queue()
    monkeypatch.setattr(answer_follower.aiokafka, "AIOKafkaConsumer", lambda *_, **__: consumer)
    follower = AnswerFollower({"recommendations": PART.topic}, {}, taken.put_nowait)
    async with follower.running():
        assert follower.conditions() == {"answers_followed": True}
        await consumer.news.put((7, b"a"))
        assert [one.value for one in await taken.get()] == [b"a"]
        await consumer.news.put(fault)
        await consumer.news.put((8, b"b"))
        assert [one.value for one in await taken.get()] == [b"b"]
        assert type(fault).__name__ in follower.conditions()["answers_followed"]
    assert consumer.sought == [8]
    assert consumer.stopped == 2


async def test_answers_that_cannot_be_taken_are_passed_over(monkeypatch):
    monkeypatch.setattr(kept_running, "PAUSE_SECONDS", 0.01)
    consumer, taken = Consumer(), asyncio.Queue()
    monkeypatch.setattr(answer_follower.aiokafka, "AIOKafkaConsumer", lambda *_, **__: consumer)

    def take(answers):
        if answers[0].value == b"poison":
            raise ValueError
        taken.put_nowait(answers)

    async with AnswerFollower({"recommendations": PART.topic}, {}, take).running():
        await consumer.news.put((7, b"poison"))
        await consumer.news.put((8, b"b"))
        assert [one.value for one in await asyncio.wait_for(taken.get(), 5)] == [b"b"]
    assert consumer.sought == [8]
