"""The dashboard of a real gateway beside a real worker: its figures are those of the topics."""

import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl
import pytest

from tests.e2e.worker import Worker, click, decoded, encoded, read, send

EVENTS = ("view_item", "view_item", "add_to_cart", "begin_checkout", "purchase")
CLICKS, BROKEN = 500, 7


class GatewayProcess(Worker):
    """A `pathcast gateway` that looks at the topics and the endpoints of a worker."""

    command: ClassVar = (Path(sys.executable).parent / "pathcast", "gateway")

    def __init__(self, worker: Worker, folder: Path) -> None:
        super().__init__(worker.broker, worker.names, folder, application_id=worker.names.clicks)
        at = {"port": self.port, "workers": f"http://127.0.0.1:{worker.port}", "predict": "false"}
        self._settings |= {f"gateway_{name}": value for name, value in at.items()}

    def post(self, path: str, **fields: str) -> str:
        """The page that answers a form."""
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=30) as answer:
            return answer.read().decode()

    def pushed(self, page: str, window: int = 900) -> dict:
        """The first push of a page."""
        address = f"http://127.0.0.1:{self.port}/dashboard/push/{page}?window={window}"
        with urllib.request.urlopen(address, timeout=30) as lines:
            return next(json.loads(line[5:]) for line in lines if line.startswith(b"data:"))

    def panels(self, page: str, holds) -> dict:
        """The panels of a page by id, once they hold what is expected."""
        deadline = time.monotonic() + 60
        while True:
            found = self.pushed(page)
            panels = {one["id"]: one for one in found["panels"]}
            if holds(panels):
                return panels
            assert time.monotonic() < deadline, (
                found["state"],
                panels.get("now", found),
                self.said()[-2000:],
            )
            time.sleep(0.5)


@pytest.fixture(scope="module")
def gateway(running, tmp_path_factory):
    sent = [
        click(number, f"v{number % 29}", event=EVENTS[number % len(EVENTS)], brand=["not text"])
        for number in range(CLICKS)
    ]
    broken = [
        (b"v1", b"{"),
        *[(b"v2", json.dumps(click(n, "v2", event="sneeze")).encode()) for n in range(6)],
    ]
    with running.dealing_with(CLICKS + BROKEN):
        send(running.broker, running.names.clicks, [*encoded(sent), *broken])
    with GatewayProcess(running, tmp_path_factory.mktemp("gateway")) as made:
        yield made


def figures(panel):
    return {one["name"]: one["value"] for one in panel["figures"]}


def answered(panels):
    return figures(panels["now"])["answered clicks"] == CLICKS


def test_live_figures_are_those_of_the_topics(gateway, running):
    panels = gateway.panels("live", answered)
    now, names = figures(panels["now"]), running.names
    assert now["clicks"] == len(read(running.broker, names.clicks)) == CLICKS + BROKEN
    assert now["dead letters"] == len(read(running.broker, names.dead_letters)) == BROKEN
    assert now["lag now, clicks"] in (0, None)
    written = {record.key: 0 for record in read(running.broker, names.clicks)}
    assert written
    sent = {msgspec.json.decode(one.value)["event_id"]: one.timestamp for one in _readable(running)}
    answers = read(running.broker, names.purchase_intent)
    took = sorted(one.timestamp - sent[json.loads(one.value)["event_id"]] for one in answers)
    expected = took[-(-len(took) // 2) - 1]
    assert now["latency p50"] == (expected if expected < 1000 else expected // 10 * 10)
    decisions = pl.DataFrame([one["context"]["event"] for one in _of_one_placement(running)])
    counts = dict(decisions.to_series().value_counts().iter_rows())
    assert panels["funnel"]["traces"][0]["x"] == [
        counts.get(step, 0) for step in ("view_item", "add_to_cart", "begin_checkout", "purchase")
    ]
    reasons = {row[0]: int(row[1]) for row in panels["reasons"]["rows"]}
    assert reasons == {"malformed": 1, "invalid": 6}


def _readable(worker):
    return [one for one in read(worker.broker, worker.names.clicks) if one.value != b"{"]


def _of_one_placement(worker):
    made = decoded(worker.broker, worker.names.ad_decisions)
    return [one for one in made if one["placement"] == made[0]["placement"]]


def test_decisions_and_quality_are_those_of_the_topics(gateway, running):
    panels = gateway.panels("decisions", lambda found: found["made"]["rows"])
    made = pl.DataFrame(
        [
            {"placement": one["placement"], "policy": one.get("policy", "rules"), "action": one["action"]}
            for one in decoded(running.broker, running.names.ad_decisions)
        ]
    )
    expected = made.group_by(made.columns).len().sort(made.columns).rows()
    assert [(*row[:3], int(row[3].replace(",", ""))) for row in panels["made"]["rows"]] == expected
    changes = {row[0]: row[1] for row in gateway.pushed("quality")["panels"][1]["rows"]}
    assert changes["brand"] == str(CLICKS)


def test_a_visitor_is_found_at_its_worker_and_in_the_topics(gateway):
    page = gateway.post("/dashboard/shopper", visitor="v3")
    assert "No worker has a record" not in page
    own = [number for number in range(CLICKS) if number % 29 == 3]
    start = page.index('<section class="panel table wide" id="timeline"')
    rows = page[start : page.index("</section>", start)].count("<tr>") - 1
    assert rows == len(own)
    assert "No worker has a record" in gateway.post("/dashboard/shopper", visitor="nobody")


def test_the_worker_stopped_is_said(gateway, running):
    """Last: the worker is gone afterwards."""
    assert running.stop() == 0
    assert "ask again" in gateway.post("/dashboard/shopper", visitor="v3")
