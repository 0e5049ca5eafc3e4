"""`POST /v1/visitors/{visitor_id}/forget`: the proof, and nothing left in this process."""

import json

from gateway.answers.recent_answers import RoledAnswer
from tests.gateways import TestGateway, gateway_settings

ROLES = ("purchase_intent", "recommendations", "ad_decisions")


def take(gateway, event_id, visitor):
    value = json.dumps({"event_id": event_id}).encode()
    gateway.recent.take([RoledAnswer(role, visitor.encode(), value) for role in ROLES])


async def test_a_forgotten_visitors_answers_are_dropped():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        take(gateway, "e1", "anna")
        take(gateway, "e2", "berta")
        found = await client.post("/v1/visitors/anna/forget")
        statuses = [(await client.get(f"/v1/answers/{one}")).status_code for one in ("e1", "e2")]
    assert (found.status_code, found.json()["request"]) == (200, "r1")
    assert statuses == [404, 200]


async def test_an_erasure_that_is_not_complete_is_no_2xx_and_is_told_without_names(capsys):
    async with TestGateway(gateway_settings()).serving() as client:
        found = await client.post("/v1/visitors/stuck/forget")
    assert (found.status_code, found.headers["retry-after"]) == (503, "30")
    assert "stuck" not in found.text
    assert "stuck" not in capsys.readouterr().out
