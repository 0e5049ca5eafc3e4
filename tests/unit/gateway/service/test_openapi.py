"""The OpenAPI document against the running application: no 5xx, no answer that it does not describe."""

import asyncio
import threading
from collections.abc import Iterator

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from streams.metrics import Metrics
from streams.service.web import Endpoints
from tests.gateways import TestGateway, gateway_settings, listening
from tests.tiny import version as tiny

#: Fuzzed requests of each route.
EXAMPLES = 40
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


async def _serve(version, told: "list[int]", begun: threading.Event, over: threading.Event) -> None:
    worker = Endpoints(
        "127.0.0.1", 0, None, Metrics(), dict, lambda _: None, lambda _: None, dict, owned=lambda: range(4)
    )
    await worker.start()
    workers = f"http://127.0.0.1:{worker.port}"
    chosen = gateway_settings(port=0, requests_per_second=1e6, answers_timeout_ms=5)
    gateway = TestGateway(chosen, version, workers)
    async with listening(gateway.app, gateway.settings) as port:
        told.append(port)
        begun.set()
        await asyncio.to_thread(over.wait)
    await worker.stop()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A gateway that is served by a thread, over a producer that acknowledges all."""
    told, begun, over = list[int](), threading.Event(), threading.Event()
    version = tiny(tmp_path_factory.mktemp("registry"))
    thread = threading.Thread(target=lambda: asyncio.run(_serve(version, told, begun, over)))
    thread.start()
    assert begun.wait(60)
    yield told[0]
    over.set()
    thread.join(60)


@pytest.fixture(scope="module")
def api(port: int) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


def operations() -> list[tuple[str, str]]:
    """Path and method of every route."""
    paths = TestGateway(gateway_settings()).app.openapi()["paths"]
    return [(path, method) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), operations())
def test_every_answer_is_one_that_the_document_describes(api, path, method, mode):
    operation = api[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
        return  # nothing can be wrong about a request without parameters

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_the_document_describes_bodies_and_errors(port):
    document = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json").raw_schema
    collect = document["paths"]["/v1/events"]["post"]
    assert set(collect["responses"]) >= {"200", "202", "400", "401", "403", "413", "422", "429", "503"}
    assert "visitor_id" in str(collect["requestBody"])
    assert document["components"]["securitySchemes"]


def test_memory_stays_as_it_is_under_bad_input(port):
    """A bounded copy of a long run: the same bodies 1,500 times."""
    import httpx

    process = psutil.Process()
    bodies = [b"[" * 100_000, b"{}", b'[{"visitor_id":"v","event":"login"}]' * 1, b"x" * 200_000, b"\xff" * 9]
    sizes = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            for number in range(500):
                client.post("/v1/events", content=bodies[number % len(bodies)])
            sizes.append(process.memory_info().rss)
    assert sizes[2] - sizes[1] < 20 << 20, sizes
