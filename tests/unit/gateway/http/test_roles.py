"""Each route with each role, without a token, and with a wrong or expired one."""

import re

import pytest

from gateway.http.token_file import Role
from gateway.service.application import create_app
from tests.gateways import EXPIRED, TestGateway, bearer, event, gateway_settings, running, with_tokens

OPEN = {("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/v1/pathcast.js")}
#: Roles that may call a route; all other routes are open.
TABLE = {
    ("POST", "/v1/events"): {Role.COLLECT},
    ("GET", "/v1/answers/{event_id}"): {Role.READ, Role.COLLECT},
    ("POST", "/v1/predict"): {Role.READ},
    ("GET", "/v1/visitors/{visitor_id}"): {Role.READ},
    ("GET", "/v1/items/{item_id}/similar"): {Role.READ},
    ("GET", "/v1/popular"): {Role.READ},
    ("GET", "/v1/models"): {Role.READ},
    ("POST", "/v1/visitors/{visitor_id}/forget"): {Role.PRIVACY},
}
REFUSED = (401, 403)


def call(client, method, path, headers):
    body = event() if method == "POST" else None
    return client.request(method, re.sub(r"\{\w+\}", "e1", path), json=body, headers=headers)


def routes(app):
    """Method and path of every route of the API."""
    found = {path.replace(":path", ""): methods for path, methods in app.openapi()["paths"].items()}
    return {(method.upper(), path) for path, methods in found.items() for method in methods}


def test_the_table_names_every_route(tmp_path):
    app = TestGateway(with_tokens(tmp_path)).app
    assert routes(app) == TABLE.keys() | OPEN


@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.parametrize("role", Role)
async def test_a_route_is_for_its_roles_only(tmp_path, method, path, role):
    async with TestGateway(with_tokens(tmp_path)).serving() as client:
        found = await call(client, method, path, bearer(role))
    # With the role collect alone, a visitor must be named: that is another test.
    allowed = role in TABLE[method, path] and not (path.startswith("/v1/answers") and role is Role.COLLECT)
    assert (found.status_code not in REFUSED) == allowed, found.text
    if not allowed:
        assert found.status_code == 403
        assert found.json()["error"] == "forbidden"


@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(EXPIRED), {"Authorization": "Basic eDp5"}])
async def test_no_route_without_a_valid_token(tmp_path, method, path, headers):
    async with TestGateway(with_tokens(tmp_path)).serving() as client:
        found = await call(client, method, path, headers)
    assert found.status_code == 401
    assert found.headers["www-authenticate"] == "Bearer"
    assert "wrong" not in found.text
    assert EXPIRED not in found.text


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
async def test_health_needs_no_token(tmp_path, method, path):
    async with TestGateway(with_tokens(tmp_path)).serving() as client:
        assert (await client.request(method, path)).status_code == 200


async def test_a_token_for_collection_may_stand_in_the_address_and_no_other(tmp_path):
    async with TestGateway(with_tokens(tmp_path)).serving() as client:
        found = await client.post("/v1/events?token=token-of-collect", json=event())
        refused = await client.post("/v1/events?token=token-of-operate", json=event())
        elsewhere = await client.get("/v1/answers/e1?token=token-of-read")
    assert [found.status_code, refused.status_code, elsewhere.status_code] == [200, 401, 401]


async def test_with_collect_alone_only_a_named_visitors_answers_are_shown(tmp_path):
    async with TestGateway(with_tokens(tmp_path)).serving() as client:
        unnamed = await client.get("/v1/answers/e1", headers=bearer(Role.COLLECT))
        named = await client.get("/v1/answers/e1?visitor_id=anna", headers=bearer(Role.COLLECT))
    assert [unnamed.status_code, named.status_code] == [403, 404]


async def test_without_a_file_of_tokens_only_programs_on_this_machine_may_call():
    gateway = TestGateway(gateway_settings())
    async with gateway.serving() as client:
        statuses = [
            (await client.post("/v1/events", json=event(), headers=headers)).status_code
            for headers in ({}, {"Origin": "https://evil.example"}, {"Host": "evil.example"})
        ]
    assert statuses == [200, 401, 401]
    app = create_app(gateway.settings, gateway.guard, gateway.metrics, gateway.parts)
    async with running(app, "10.0.0.9") as client:
        assert (await client.post("/v1/events", json=event())).status_code == 401


async def test_each_token_has_its_own_rate(tmp_path):
    settings = with_tokens(tmp_path, requests_per_second=3.0)
    async with TestGateway(settings).serving() as client:
        found = [
            await client.post("/v1/events", json=event(), headers=bearer(Role.COLLECT)) for _ in range(5)
        ]
        other = await client.get("/v1/answers/e1", headers=bearer(Role.READ))
    assert [one.status_code for one in found] == [200, 200, 200, 429, 429]
    assert found[-1].headers["retry-after"] == "1"
    assert other.status_code == 404
