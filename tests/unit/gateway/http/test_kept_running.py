"""What runs beside the routes begins again whatever ends it, and /readyz says why."""

import asyncio

import pytest
from fastapi import APIRouter

from gateway.http import kept_running
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.http.kept_running import TOLD_SECONDS, KeptRunning
from gateway.http.parts import GatewayPart
from gateway.service import health
from gateway.service.application import create_app
from tests.gateways import gateway_settings, running


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(kept_running, "PAUSE_SECONDS", 0.01)


class Worked:
    """Work that fails at first, and a clock."""

    def __init__(self, failures=1):
        self.failures, self.begun, self.now = failures, 0, 0.0
        self.kept = KeptRunning("work", self.work, lambda: self.now)

    async def work(self):
        self.begun += 1
        if self.begun <= self.failures:
            raise KeyError("anna@example.org")
        await asyncio.Event().wait()


async def test_work_that_fails_begins_again_and_its_reason_is_told_for_a_while():
    worked = Worked()
    async with worked.kept.running():
        while worked.begun < 2:
            await asyncio.sleep(0.01)
        reason = worked.kept.state()
        assert reason.startswith("KeyError at test_kept_running.py:")
        worked.now += TOLD_SECONDS
        assert worked.kept.state() is True
        assert worked.kept.state(held=False) == reason


async def test_work_that_has_nothing_to_do_is_no_fault():
    async def nothing():
        pass

    kept = KeptRunning("work", nothing)
    async with kept.running():
        await asyncio.sleep(0.01)
        assert kept.state() is True


async def test_a_gateway_whose_follower_fails_is_not_ready_and_says_why_without_quoting():
    worked = Worked(failures=10**6)
    part = GatewayPart(APIRouter(), worked.kept.running, lambda: {"followed": worked.kept.state()})
    settings = gateway_settings()
    app = create_app(settings, TokenGuard(settings), GatewayMetrics(), [part])
    async with running(app) as client:
        await asyncio.sleep(0.02)
        found = await client.get("/readyz")
    assert found.status_code == 503
    assert found.json()["followed"].startswith("KeyError at test_kept_running.py:")
    assert "anna" not in found.text


async def test_revoked_tokens_are_looked_for_again_after_a_fault(monkeypatch):
    monkeypatch.setattr(health, "LOOK_EVERY", 0.01)
    settings = gateway_settings()
    guard, looks = TokenGuard(settings), []

    def look():
        looks.append(1)
        if len(looks) == 1:
            raise MemoryError

    guard.look = look
    async with running(create_app(settings, guard, GatewayMetrics(), [])) as client:
        while len(looks) < 3:
            await asyncio.sleep(0.01)
        found = await client.get("/readyz")
    assert found.status_code == 503
    assert "MemoryError" in found.json()["tokens_followed"]
