"""The gateway beside a real broker and real workers: one call from click to decision, nothing lost."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import start_broker, topic_names
from tests.e2e.gateway_process import GatewayProcess
from tests.e2e.worker import ROLES, Worker, decoded, read

#: Seconds for which the broker is away, and before and after it.
AWAY, AROUND = 30.0, 4.0
PATIENT = "/v1/events?answers=1&timeout_ms=20000"


def event(number: int, visitor: str) -> dict[str, object]:
    return {
        "event_id": f"g{number}",
        "visitor_id": visitor,
        "event": "view_item",
        "item_id": f"i{number % 9}",
    }


@pytest.fixture(scope="module")
def gateway(
    broker: Connection, running: Worker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway beside the module's worker."""
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(broker, running.names, folder, [running.port]) as found:
        yield found


def test_one_call_from_click_to_decision(broker, running, gateway):
    status, body = gateway.post(PATIENT, event(1, "anna"))
    assert status == 200, body
    told = body["answers"]["g1"]
    on_topics = {
        role: [one for one in decoded(broker, getattr(running.names, role)) if one["event_id"] == "g1"]
        for role in ROLES
    }
    assert [told["purchase_intent"]] == on_topics["purchase_intent"]
    assert [told["recommendations"]] == on_topics["recommendations"]
    assert told["ad_decisions"] == on_topics["ad_decisions"]
    assert json.loads(gateway.get("/v1/answers/g1")[1]) == told
    (click,) = [one for one in read(broker, running.names.clicks) if b"g1" in one.value]
    assert click.key == b"anna"


def test_other_systems_events_are_answered(gateway):
    ga4 = {
        "client_id": "v-ga4",
        "events": [{"name": "add_to_cart", "params": {"items": [{"item_id": "i1"}]}}],
    }
    segment = {
        "type": "track", "event": "Product Viewed", "anonymousId": "v-segment", "messageId": "m1",
        "properties": {"product_id": "i2"},
    }  # fmt: skip
    status, body = gateway.post(PATIENT, [ga4, segment])
    assert status == 200, body
    visitors = [one["purchase_intent"]["visitor_id"] for one in body["answers"].values()]
    assert sorted(visitors) == ["v-ga4", "v-segment"]


def test_a_visitor_is_looked_up_and_a_path_predicted(gateway):
    gateway.post(PATIENT, event(2, "berta"))
    status, text = gateway.get("/v1/visitors/berta")
    known = json.loads(text)
    assert (status, known["visitor_id"], known["profile"]["this_session"]["view_item"]) == (200, "berta", 1)
    assert {one["event_id"] for one in known["answers"]} == {"g2"}
    assert gateway.get("/v1/visitors/nobody")[0] == 404
    path = [{"visitor_id": "x", "event": "view_item", "item_id": f"i{number}"} for number in range(3)]
    status, body = gateway.post("/v1/predict", path)
    assert (status, body["purchase_intent"]["session_clicks"]) == (200, 3)
    assert gateway.get("/v1/visitors/x")[0] == 404


def test_logs_hold_no_ids(gateway):
    assert "request" in gateway.said()
    assert not any(name in gateway.said() for name in ("anna", "berta", "v-ga4"))


class Shopper(threading.Thread):
    """Posts batches of new events until stopped, and remembers what each call was answered with."""

    def __init__(self, gateway: GatewayProcess, name: str) -> None:
        super().__init__(daemon=True)
        self.gateway, self.visitor = gateway, name
        self.statuses, self.accepted, self.over = Counter[int](), set[str](), threading.Event()

    def run(self) -> None:
        """Until `over` is set."""
        number = 0
        while not self.over.is_set():
            batch = [event(number + at, self.visitor) for at in range(20)]
            for one in batch:
                one["event_id"] = f"{self.visitor}-{one['event_id']}"
            status, body = self.gateway.post("/v1/events", batch)
            self.statuses[status] += 1
            number += len(batch)
            if status == 200:
                self.accepted.update(body["event_ids"])
            elif status == 0:
                time.sleep(0.05)
            else:
                time.sleep(0.2)


def taken(shoppers: list[Shopper]) -> int:
    """How many events were acknowledged."""
    return sum(len(one.accepted) for one in shoppers)


@pytest.mark.long
def test_every_2xx_is_on_the_topic_though_the_broker_and_the_gateway_go(tmp_path: Path):
    own = start_broker(tmp_path / "broker")
    names, at = topic_names(), Connection(bootstrap_servers=own.bootstrap)
    try:
        ensure(at, names, partitions=2)
        with GatewayProcess(at, names, tmp_path / "gateway", gateway_predict="false") as gateway:
            shoppers = [Shopper(gateway, f"v{number}") for number in range(3)]
            for shopper in shoppers:
                shopper.start()
            time.sleep(AROUND)
            before = taken(shoppers)
            own.stop()
            time.sleep(AWAY)
            gateway.wait(lambda: gateway.get("/readyz")[0] == 503, "ready without a broker", 20)
            during = taken(shoppers)
            own.start()
            gateway.wait(lambda: taken(shoppers) > during + 200, "nothing is taken again", 90)
            time.sleep(AROUND)
            gateway.kill()
            for shopper in shoppers:
                shopper.over.set()
            for shopper in shoppers:
                shopper.join(60)
        accepted = set[str]().union(*(one.accepted for one in shoppers))
        statuses = sum((one.statuses for one in shoppers), Counter[int]())
        found = {json.loads(record.value)["event_id"] for record in read(at, names.clicks)}
        assert 0 < before <= during < len(accepted)
        assert accepted - found == set()
        assert set(statuses) <= {0, 200, 429, 503}
        assert statuses[503] > 0
    finally:
        own.stop()


@pytest.mark.long
def test_a_visitors_page_is_found_during_rebalances(broker: Connection, tmp_path: Path):
    names = topic_names()
    ensure(broker, names, partitions=4)
    visitors = [f"v{number}" for number in range(12)]
    first, second = (Worker(broker, names, _folder(tmp_path / one)) for one in ("first", "second"))
    with first, GatewayProcess(broker, names, tmp_path / "gateway", [first.port, second.port]) as gateway:
        events = [event(number, visitor) for number, visitor in enumerate(visitors)]
        status, body = gateway.post(PATIENT, events)
        assert status == 200, body
        seen = Pages(gateway, visitors)
        seen.start()
        with second:
            seen.all_found()
            assert first.stop() == 0
            seen.all_found()
            seen.over.set()
            seen.join(30)
    assert seen.wrong == []
    assert set(seen.statuses) <= {200, 503}


class Pages(threading.Thread):
    """Looks visitors up in turn, and collects whatever is neither their own page nor "ask again"."""

    def __init__(self, gateway: GatewayProcess, visitors: list[str]) -> None:
        super().__init__(daemon=True)
        self.gateway, self.visitors, self.over = gateway, visitors, threading.Event()
        self.statuses, self.wrong, self.latest = Counter[int](), list[str](), dict[str, int]()

    def run(self) -> None:
        """Until `over` is set."""
        while not self.over.is_set():
            for visitor in self.visitors:
                status, text = self.gateway.get(f"/v1/visitors/{visitor}")
                self.statuses[status] += 1
                self.latest[visitor] = status
                time.sleep(0.02)  # below the rate that a token may send at
                if status == 200 and not _is_of(json.loads(text), visitor):
                    self.wrong.append(text)

    def all_found(self) -> None:
        """Wait until every visitor is found."""
        self.latest.clear()
        self.gateway.wait(
            lambda: [self.latest.get(one) for one in self.visitors] == [200] * len(self.visitors),
            "not every visitor is found",
            120,
        )


def _is_of(known: dict[str, object], visitor: str) -> bool:
    answers = known["answers"]
    assert isinstance(answers, list)
    return known["visitor_id"] == visitor and {one["visitor_id"] for one in answers} <= {visitor}


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
