"""`POST /v1/predict`: the answers of a worker, and no trace of the visitor."""

import asyncio
import json
import threading
import time

import pytest

from models.registry.versions import Version
from tests.gateways import TestGateway, event, gateway_settings
from tests.offline import Offline, records
from tests.tiny import version as tiny

NOW = int(time.time() * 1000)
#: What differs between two runs of the same events.
CLOCK = ("scored_at",)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"))


def path(visitor="anna", count=5, **changed):
    return [
        event(visitor_id=visitor, event_id=f"e{at}", ts=NOW + 1000 * at, item_id=f"i{at}") | changed
        for at in range(count)
    ]


def told(answer):
    return {name: value for name, value in answer.items() if name not in CLOCK}


async def predicted(version, *bodies):
    async with TestGateway(gateway_settings(), version).serving() as client:
        return await asyncio.gather(*(client.post("/v1/predict", json=body) for body in bodies))


async def test_the_answers_are_those_of_a_worker_to_the_last_event(version):
    found = (await predicted(version, path()))[0]
    assert found.status_code == 200, found.text
    offline = Offline(version)
    answers = offline.answers(offline.process(records(path())))
    expected = [answers[topic][-1] for topic in ("purchase-intent", "recommendations", "ad-decisions")]
    body = found.json()
    assert told(body["purchase_intent"]) == told(expected[0])
    assert told(body["recommendations"]) == told(expected[1])
    assert body["ad_decisions"][0]["action"] == expected[2]["action"]
    assert body["purchase_intent"]["rung"] == "neural"
    assert body["purchase_intent"]["model_version"] == version.id


async def test_nothing_is_remembered_and_calls_do_not_see_each_other(version):
    gateway = TestGateway(gateway_settings(), version)
    bodies = [path(f"v{number % 3}", 1 + number % 4) for number in range(40)]
    async with gateway.serving() as client:
        together = await asyncio.gather(*(client.post("/v1/predict", json=body) for body in bodies))
        alone = [await client.post("/v1/predict", json=body) for body in bodies]
    assert [told(one.json()["purchase_intent"]) for one in together] == [
        told(one.json()["purchase_intent"]) for one in alone
    ]
    assert {one.json()["purchase_intent"]["session_clicks"] for one in alone} == {1, 2, 3, 4}
    assert gateway.producer.sent == []
    assert gateway.offline.state == {}
    assert all(not cache.recent for cache in gateway.offline.pipeline.caches.values())


async def test_events_of_another_year_are_answered(version):
    old = path(ts=NOW - 400 * 86_400_000)
    assert (await predicted(version, old))[0].status_code == 200


async def test_without_a_model_a_lower_tier_answers():
    (found,) = await predicted(None, path())
    assert found.json()["purchase_intent"]["rung"] == "popular"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([*path(), *path("berta")], "another than that of the first event"),
        ([path()[0], path()[0]], "repeats the id"),
        ([path()[0], path()[1] | {"ts": NOW - 86_400_000}], "not answered"),
        ([path()[0] | {"event": "jump"}], "do not fit"),
    ],
)
async def test_paths_without_an_answer_say_why(version, body, said):
    (found,) = await predicted(version, body)
    assert found.status_code == 422
    assert said in found.text


async def test_a_fault_is_an_answer_without_details(version, monkeypatch, capsys):
    gateway = TestGateway(gateway_settings(), version)

    def fail(works):
        raise ValueError("anna bought a mug")

    monkeypatch.setattr(gateway.offline.pipeline, "process", fail)
    async with gateway.serving() as client:
        found = await client.post("/v1/predict", json=path())
        assert (found.status_code, found.json()["error"]) == (500, "fault")
        monkeypatch.undo()
        assert (await client.post("/v1/predict", json=path())).status_code == 200
    assert "anna" not in found.text
    assert "anna" not in "".join(capsys.readouterr())


async def test_too_many_calls_are_told_to_come_back(version, monkeypatch):
    gateway, released = TestGateway(gateway_settings(requests_per_second=1e6), version), threading.Event()
    process = gateway.offline.pipeline.process

    def held(works):
        released.wait(60)
        return process(works)

    monkeypatch.setattr(gateway.offline.pipeline, "process", held)
    async with gateway.serving() as client:
        calls = [asyncio.create_task(client.post("/v1/predict", json=path(count=1))) for _ in range(300)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        released.set()
        found = await asyncio.gather(*calls)
    statuses = [one.status_code for one in found]
    assert set(statuses) == {200, 429}
    assert json.loads(found[statuses.index(429)].text)["error"] == "busy"
