"""The gateway beside one worker: answers in the same call, predictions, collection in batches."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deploy.broker.broker_process import free_port
from tests.bench.clicks import ROOT, Log
from tests.bench.ground import BenchError
from tests.bench.http_load import steady
from tests.bench.sizes import Sizes
from tests.bench.working import COMMAND, READY_WITHIN, Place, Worker, worker

#: Calls a second that wait for answers, and that ask for predictions; events of a path.
ANSWERS_RATE, PREDICT_RATE, PATH = 100, 200, 5
#: Events a second, and in one call.
EVENTS_RATE, BATCH = 3_000, 50
#: What a call may take (ms): so that late answers are seen as late, and not as lost.
TIMEOUT_MS = 5_000
Events = list[dict[str, Any]]


@contextmanager
def launched_gateway(place: Place, beside: Worker, **settings: str) -> Iterator[Worker]:
    """A `pathcast gateway` that is ready."""
    ground, port = place.ground, free_port()
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": ground.bootstrap,
        "PATHCAST_APPLICATION_ID": place.name,
        "PATHCAST_REGISTRY": str(place.model.registry),
        "PATHCAST_GATEWAY_PORT": str(port),
        "PATHCAST_GATEWAY_REQUESTS_PER_SECOND": "1000000",
        "PATHCAST_GATEWAY_WORKERS": f"http://127.0.0.1:{beside.port}",
        "PYTHONPATH": str(ROOT),
        **{f"PATHCAST_TOPIC_{role.upper()}": name for role, name in place.names.model_dump().items()},
        **settings,
    }
    started = time.perf_counter()
    with ground.process(f"{place.name}-gateway", [sys.executable, "-c", COMMAND, "gateway"], env) as running:
        found = Worker(running, port, started)
        found.wait()
        if time.perf_counter() - started > READY_WITHIN:
            raise BenchError("the gateway was not ready in time")
        yield found


def gateway(place: Place, log: Log, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Any]:
    """Each kind of call at its rate, one after the other. Raises BenchError where calls fail."""
    seconds, settling = sizes.gateway_seconds, sizes.settling_seconds
    events = _events(log, int(EVENTS_RATE * (seconds + settling)))
    found = dict[str, Any]()
    with worker(place) as (beside, _), launched_gateway(place, beside) as served:

        def measure(name: str, path: str, size: int, rate: float) -> None:
            bodies = _bodies(events, size, int(rate * (seconds + settling)))
            url = f"http://127.0.0.1:{served.port}{path}"
            calls = asyncio.run(steady(url, bodies, rate, int(rate * settling)))
            say(f"gateway, {name}: {calls.rate * size:,.0f} events/s in {calls}")
            found[name] = calls._asdict() | {"events_per_second": calls.rate * size}
            if set(calls.statuses) - {"200", "202"}:
                raise BenchError(f"{name}: statuses {calls.statuses}, expected 200")

        measure("answers", f"/v1/events?answers=1&timeout_ms={TIMEOUT_MS}", 1, ANSWERS_RATE)
        measure("predict", "/v1/predict", PATH, PREDICT_RATE)
        measure("collect", "/v1/events", BATCH, EVENTS_RATE / BATCH)
    return found


def _events(log: Log, count: int) -> Events:
    """Events of the log without ids and times; again from the beginning where it has fewer."""
    columns = [name for name in log.frame.columns if name not in ("event_id", "ts", "session", "since")]
    rows = log.frame.select(columns).head(count).to_dicts()
    plain = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return (plain * (count // len(plain) + 1))[:count]


def _bodies(events: Events, size: int, count: int) -> list[bytes]:
    """Bodies of `size` events; those of a path are of one visitor."""
    found = list[bytes]()
    for number in range(count):
        part = [events[(number * size + at) % len(events)] for at in range(size)]
        if size == PATH:
            part = [one | {"visitor_id": f"path-{number}"} for one in part]
        found.append(json.dumps(part if size > 1 else part[0]).encode())
    return found
