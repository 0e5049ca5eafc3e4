"""The endpoints: who may see what, and what they say."""

import socket
from contextlib import asynccontextmanager, closing

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from streams.errors import SetUpError
from streams.metrics import Metrics
from streams.service.web import Endpoints

WHY = {"v1": {"intent": {"text": "added to cart +0.21"}}}
KNOWN = {"v1": {"state": {"sessions": 2}}}


@asynccontextmanager
async def serving(token=None, conditions=None):
    endpoints = Endpoints(
        "127.0.0.1", 0, token, Metrics(), lambda: conditions or {}, KNOWN.get, WHY.get, dict
    )
    await endpoints.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{endpoints.port}") as client:
            yield client
    finally:
        await endpoints.stop()


async def get(client, path, **headers):
    async with client.get(path, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_health_readiness_and_metrics_need_no_token():
    async with serving(token="secret", conditions={"assigned": True}) as client:
        assert (await get(client, "/healthz"))[0] == 200
        assert (await get(client, "/readyz"))[0] == 200
        status, text = await get(client, "/metrics")
        assert (status, "pathcast_events_total 0.0" in text) == (200, True)


async def test_readiness_needs_every_condition():
    async with serving(conditions={"assigned": True, "recovered": False}) as client:
        assert await get(client, "/readyz") == (503, '{"assigned": true, "recovered": false}')


async def test_visitors_are_shown_on_loopback_without_a_token():
    async with serving() as client:
        assert await get(client, "/visitors/v1") == (200, '{"state": {"sessions": 2}}')
        status, text = await get(client, "/visitors/v2")
        assert (status, "another worker" in text) == (404, True)


@pytest.mark.parametrize("owns_all", [True, False])
async def test_who_owns_all_partitions_knows_that_there_is_no_record(owns_all):
    endpoints = Endpoints(
        "127.0.0.1", 0, None, Metrics(), dict, KNOWN.get, WHY.get, dict, owns_all=lambda: owns_all
    )
    await endpoints.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{endpoints.port}") as client:
            status, text = await get(client, "/visitors/v2")
            explained = await get(client, "/visitors/v2/explanation")
    finally:
        await endpoints.stop()
    assert status == 404
    assert (text == "no record: never seen here, expired or forgotten") == owns_all
    assert ("another worker" in text) != owns_all
    assert "another worker" in explained[1]


async def test_explanations_are_shown_to_who_may_see_the_visitor():
    async with serving() as client:
        assert await get(client, "/visitors/v1/explanation") == (
            200,
            '{"intent": {"text": "added to cart +0.21"}}',
        )
        assert (await get(client, "/visitors/v2/explanation"))[0] == 404
    async with serving(token="secret") as client:
        assert (await get(client, "/visitors/v1/explanation"))[0] == 401
        assert (await get(client, "/visitors/v1/explanation", Authorization="Bearer secret"))[0] == 200


@pytest.mark.parametrize("given", ["", "secret", "Bearer", "Bearer wrong", "Bearer sécret", "bearer secret"])
async def test_with_a_token_visitors_are_shown_to_nobody_else(given):
    async with serving(token="secret") as client:
        headers = {"Authorization": given} if given else {}
        status, text = await get(client, "/visitors/v1", **headers)
        assert (status, "PATHCAST_WEB_TOKEN" in text) == (401, True)


async def test_with_the_token_visitors_are_shown():
    async with serving(token="secret") as client:
        assert (await get(client, "/visitors/v1", Authorization="Bearer secret"))[0] == 200


@pytest.mark.parametrize(("peer", "may"), [("127.0.0.1", True), ("::1", True), ("10.0.0.7", False)])
def test_without_a_token_only_loopback_may_see(peer, may):
    endpoints = Endpoints("0.0.0.0", 0, None, Metrics(), dict, KNOWN.get, WHY.get, dict)
    transport = type("Transport", (), {"get_extra_info": lambda self, name, default=None: (peer, 1)})()
    request = make_mocked_request("GET", "/visitors/v1", transport=transport)
    assert endpoints._may_see(request) is may


async def test_a_taken_port_says_what_to_do():
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoints = Endpoints(
            "127.0.0.1", taken.getsockname()[1], None, Metrics(), dict, KNOWN.get, WHY.get, dict
        )
        with pytest.raises(SetUpError, match="PATHCAST_WEB_PORT"):
            await endpoints.start()
        await endpoints.stop()
