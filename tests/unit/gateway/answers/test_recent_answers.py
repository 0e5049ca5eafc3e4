"""Answers are kept for a short time, within bounded memory, and told to those who wait."""

import json

from gateway.answers.recent_answers import RecentAnswers, RoledAnswer
from gateway.http.gateway_metrics import GatewayMetrics

ROLES = ("purchase_intent", "recommendations", "ad_decisions")


def answers(event_id, size=0):
    value = json.dumps({"event_id": event_id, "more": "x" * size}).encode()
    return [RoledAnswer(role, b"anna", value) for role in ROLES]


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
