"""Fuzzed bodies over a real socket to a real gateway: only 4xx, and memory as it was.

`pytest -m slow -s tests/e2e/test_gateway_fuzz.py` runs ten minutes and prints what it found.
"""

import asyncio

import pytest

from tests.e2e.gateway_process import GatewayProcess
from tests.fuzzed_bodies import fuzz

#: Megabytes by which memory may grow over a run, by the slope after its warm-up.
MOST_GROWTH = 16
KNOWN = {0, 200, 202, 400, 404, 413, 415, 422, 429, 503}


@pytest.mark.parametrize(
    "seconds", [20, pytest.param(600, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_fuzzed_bodies_leave_memory_as_it_is(broker, running, tmp_path, seconds):
    settings = {"gateway_requests_per_second": 1e6, "gateway_answers_mb": 4}
    with GatewayProcess(broker, running.names, tmp_path / "gateway", [running.port], **settings) as gateway:
        found = asyncio.run(fuzz(gateway.port, gateway.process.pid, seconds))
        print(found)
        assert gateway.is_ready()
    assert set(found.statuses) <= KNOWN, found
    assert {200, 400, 404, 413, 422} <= set(found.statuses), found
    assert found.mb_a_minute * found.minutes < MOST_GROWTH, found
