"""`POST /v1/events`: what is acknowledged, what waits, and what is refused."""

import asyncio
import json

import pytest
from aiokafka.errors import KafkaError

from gateway.answers.recent_answers import RoledAnswer
from gateway.events import clicks_writer
from tests.gateways import TestGateway, event, gateway_settings

ANSWERED = {"answers": "1", "timeout_ms": "2000"}


def answers(event_id, visitor="anna"):
    value = json.dumps({"event_id": event_id, "visitor_id": visitor}).encode()
    return [
        RoledAnswer(role, visitor.encode(), value)
        for role in ("purchase_intent", "recommendations", "ad_decisions")
    ]


async def test_a_2xx_means_that_all_events_are_on_the_topic():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        found = await client.post("/v1/events", json=[event(), event(visitor_id="berta")])
    assert found.status_code == 200
    assert [(topic, key) for topic, key, _ in gateway.producer.sent] == [
        ("clicks", b"anna"),
        ("clicks", b"berta"),
    ]
    assert [json.loads(value)["event_id"] for *_, value in gateway.producer.sent] == found.json()["event_ids"]


async def test_nothing_is_written_where_one_event_is_refused():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        found = await client.post("/v1/events", json=[event(), event(event="buy!")])
    assert found.status_code == 422
    assert found.json()["details"][0]["at"] == "events[1]"
    assert gateway.producer.sent == []


async def test_what_is_not_acknowledged_is_never_accepted():
    gateway = TestGateway(gateway_settings(delivery_seconds=0.05))
    async with gateway.serving() as client:
        gateway.producer.hold = True
        late = await client.post("/v1/events", json=event(event_id="e1"))
        assert (late.status_code, late.headers["retry-after"]) == (503, "2")
        # Kafka has acknowledged nothing for too long: others are told at once, and nothing is added.
        stalled = await client.post("/v1/events", json=event(event_id="e2"))
        assert stalled.status_code == 503
        assert len(gateway.producer.sent) == 1
        assert (await client.get("/readyz")).status_code == 503
        gateway.producer.hold = False
        gateway.producer.held[0].set_result(None)
        await asyncio.sleep(0.01)
        assert (await client.post("/v1/events", json=event(event_id="e1"))).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_a_failed_producer_is_replaced():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        gateway.producer.fail = KafkaError("gone")
        assert (await client.post("/v1/events", json=event())).status_code == 503
        gateway.producer.fail = None
        await asyncio.sleep(0.01)
        assert (gateway.producer.started, gateway.producer.stopped) == (2, 1)
        assert (await client.post("/v1/events", json=event())).status_code == 200


async def test_events_that_wait_are_bounded():
    gateway = TestGateway(gateway_settings(waiting_events=3))
    async with gateway.serving() as client:
        gateway.producer.hold = True
        calls = [asyncio.create_task(client.post("/v1/events", json=event())) for _ in range(3)]
        while len(gateway.producer.held) < 3:
            await asyncio.sleep(0.001)
        refused = await client.post("/v1/events", json=event())
        assert (refused.status_code, refused.json()["error"]) == (429, "back_pressure")
        assert refused.headers["retry-after"] == "1"
        for held in gateway.producer.held:
            held.set_result(None)
        assert [one.status_code for one in await asyncio.gather(*calls)] == [200] * 3
        gateway.producer.hold = False
        assert (await client.post("/v1/events", json=event())).status_code == 200


async def test_large_events_that_wait_are_bounded_by_their_size(monkeypatch):
    monkeypatch.setattr(clicks_writer, "MOST_WAITING_BYTES", 3_000)
    gateway = TestGateway(gateway_settings())
    large = event(page="x" * 2_000)
    async with gateway.serving() as client:
        gateway.producer.hold = True
        call = asyncio.create_task(client.post("/v1/events", json=large))
        while not gateway.producer.held:
            await asyncio.sleep(0.001)
        refused = await client.post("/v1/events", json=large)
        gateway.producer.held[0].set_result(None)
        gateway.producer.hold = False
        assert (refused.status_code, refused.json()["error"]) == (429, "back_pressure")
        assert (await call).status_code == 200
        assert (await client.post("/v1/events", json=large)).status_code == 200


async def test_answers_are_waited_for():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        call = asyncio.create_task(client.post("/v1/events", json=event(event_id="e1"), params=ANSWERED))
        while not gateway.producer.sent:
            await asyncio.sleep(0.001)
        gateway.recent.take(answers("e1")[:2])
        gateway.recent.take(answers("e1")[2:])
        found = await call
    assert found.status_code == 200
    told = found.json()["answers"]["e1"]
    assert told["purchase_intent"] == {"event_id": "e1", "visitor_id": "anna"}
    assert [one["event_id"] for one in told["ad_decisions"]] == ["e1"]
    assert gateway.recent._waiters == {}


async def test_late_answers_are_asked_for_later():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        found = await client.post(
            "/v1/events", json=event(event_id="e1"), params={"answers": "1", "timeout_ms": "20"}
        )
        assert (found.status_code, found.json()) == (202, {"event_ids": ["e1"], "answers": {}})
        assert (await client.get("/v1/answers/e1")).status_code == 404
        gateway.recent.take(answers("e1"))
        assert (await client.get("/v1/answers/e1")).json()["recommendations"]["event_id"] == "e1"
        assert (await client.get("/v1/answers/e1?visitor_id=berta")).status_code == 404
    assert gateway.recent._waiters == {}


async def test_a_repeat_of_anothers_event_id_shows_no_answers_of_that_visitor():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        gateway.recent.take(answers("e1", "berta"))
        params = {"answers": "1", "timeout_ms": "20"}
        found = await client.post("/v1/events", json=event(event_id="e1"), params=params)
        own = await client.post("/v1/events", json=event(event_id="e1", visitor_id="berta"), params=params)
    assert (found.status_code, found.json()["answers"]) == (202, {})
    assert own.status_code == 200


async def test_answers_without_an_acknowledgement_are_no_2xx():
    gateway = TestGateway(gateway_settings(delivery_seconds=0.05))
    async with gateway.serving() as client:
        gateway.producer.hold = True
        gateway.recent.take(answers("e1"))
        found = await client.post("/v1/events", json=event(event_id="e1"), params=ANSWERED)
    assert found.status_code == 503


@pytest.mark.parametrize(
    "params", [{"answer": "1"}, {"answers": "x"}, {"timeout_ms": "0"}, {"timeout_ms": "1e9"}]
)
async def test_parameters_that_are_not_known_are_refused(params):
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        found = await client.post("/v1/events", json=event(), params=params)
    assert found.status_code == 422
    assert found.json()["details"]
    assert gateway.producer.sent == []


async def test_two_visitors_with_one_event_id_get_no_answers_in_one_call():
    async with TestGateway(gateway_settings()).serving() as client:
        same = [event(event_id="e1"), event(event_id="e1", visitor_id="berta")]
        found = await client.post("/v1/events?answers=1", json=same)
        repeated = await client.post("/v1/events?answers=1&timeout_ms=1", json=[event(event_id="e1")] * 2)
    assert (found.status_code, found.json()["details"][0]["field"]) == (422, "event_id")
    assert (repeated.status_code, repeated.json()["event_ids"]) == (202, ["e1", "e1"])
