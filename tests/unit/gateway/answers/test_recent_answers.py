"""Answers are kept for a short time, within bounded memory, and told to those who wait."""

import asyncio
import json

from gateway.answers.answer_follower import AnswerFollower
from gateway.answers.recent_answers import RecentAnswers, RoledAnswer
from gateway.http.gateway_metrics import GatewayMetrics

ROLES = ("purchase_intent", "recommendations", "ad_decisions")


def answers(event_id, size=0, key=b"anna"):
    value = json.dumps({"event_id": event_id, "more": "x" * size, "of": key.decode()}).encode()
    return [RoledAnswer(role, key, value) for role in ROLES]


def recent(most=1 << 20, now=None):
    return RecentAnswers(most, 60.0, GatewayMetrics(), lambda: (now or [0.0])[0])


def test_answers_are_told_in_the_form_of_their_topics():
    kept = recent()
    kept.take([*answers("e1"), RoledAnswer("ad_decisions", b"anna", b'{"event_id":"e1","placement":"top"}')])
    told = json.loads(kept.of("e1", b"anna").told())
    assert list(told) == list(ROLES)
    assert [one.get("placement") for one in told["ad_decisions"]] == [None, "top"]
    assert kept.of("e1", b"berta") is None
    assert kept.of("e2", None) is None


def test_memory_is_bounded_and_the_oldest_go_first():
    kept = recent(most=20_000)
    for number in range(100):
        kept.take(answers(f"e{number}", 1000))
    left = [number for number in range(100) if kept.of(f"e{number}", None)]
    assert left == list(range(100 - len(left), 100))
    assert 3 <= len(left) <= 6
    assert kept._bytes <= 20_000


def test_answers_go_with_time():
    now = [0.0]
    kept = recent(now=now)
    kept.take(answers("e1"))
    now[0] = 61.0
    kept.take(answers("e2"))
    assert kept.of("e1", None) is None
    assert kept.of("e2", None) is not None
    assert kept._bytes == kept.of("e2", None).size


def test_what_is_no_answer_is_left_out():
    kept = recent()
    kept.take([RoledAnswer("recommendations", b"anna", value) for value in (b"", b"[1]", b"{}", b"\xff")])
    assert kept._entries == {}


async def test_nobody_waits_for_ever():
    kept = recent()
    await kept.wait(["e1", "e2"], {"e1": b"anna", "e2": b"anna"}, 0.01)
    assert kept._waiters == {}


def test_an_event_id_that_two_visitors_send_shows_neither_the_others_answers():
    kept = recent()
    kept.take([*answers("e1"), *answers("e1", key=b"berta"), *answers("e2")])
    for key in (b"anna", b"berta"):
        told = json.loads(kept.of("e1", key).told())
        assert {told["purchase_intent"]["of"], *(one["of"] for one in told["ad_decisions"])} == {key.decode()}
    assert kept.of("e1", None) is None
    kept.forget(b"berta")
    assert kept.of("e1", None).key == b"anna"
    assert kept._bytes == sum(one.size for one in kept._entries.values())
    kept.forget(b"anna")
    assert (kept._entries, kept._visitors, kept._bytes) == ({}, {}, 0)


async def test_one_waits_for_the_answers_of_ones_own_visitor():
    kept = recent()
    waiting = asyncio.create_task(kept.wait(["e1"], {"e1": b"anna"}, 5.0))
    await asyncio.sleep(0)
    kept.take(answers("e1", key=b"berta"))
    await asyncio.sleep(0)
    assert not waiting.done()
    kept.take(answers("e1"))
    await asyncio.wait_for(waiting, 1)
    assert kept._waiters == {}


async def test_a_caller_who_is_gone_leaves_nothing_behind():
    kept = recent()
    waiting = asyncio.create_task(kept.wait(["e1", "e1"], {"e1": b"anna"}, 5.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert kept._waiters == {}


def test_answers_go_with_time_where_no_others_come():
    now = [0.0]
    kept = recent(now=now)
    kept.take(answers("e1"))
    now[0] = 61.0
    assert kept.of("e1", b"anna") is None
    follower = AnswerFollower({}, {}, kept.take)
    follower._note({})
    assert kept._entries == {}
