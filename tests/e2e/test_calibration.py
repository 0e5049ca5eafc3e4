"""The base rate of purchases changes: the trainer shifts the serving version, and answers follow."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.cluster.topic_creation import ensure
from models.registry import registry as store
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e.load import taken_up
from tests.e2e.moves import moves
from tests.e2e.test_trainer import Running
from tests.e2e.worker import START, Worker, click, decoded, encoded, send
from tests.tiny import parts
from trainer.promotion.ledger import Ledger

pytestmark = pytest.mark.long
ITEMS = tuple(f"i{number}" for number in range(9))
#: Mean probability that the version publishes, and the share of sessions that buy.
FORESEEN, BUYS = 0.047, 0.2
HOUR = 3_600_000
#: The gate must not decide by the mood of the machine, and the shift may go all the way at once.
SETTINGS = {
    "PATHCAST_GATE_MICROSECONDS": "1e8",
    "PATHCAST_GATE_CALIBRATION": "1",
    "PATHCAST_GATE_MARGIN": "1",
    "PATHCAST_CALIBRATION_LARGEST_SHIFT": "2",
}


def first(folder: Path) -> str:
    """An untrained version whose purchase probabilities are about FORESEEN for everybody."""
    made = parts(1, ITEMS)
    made.network.calibration[:, 0], made.network.calibration[:, 1] = 0.05, -3.0
    return store.save(folder, replace(made, metrics={"made_up": True}), START)


def sessions(numbers: range, since: int) -> Iterator[dict[str, Any]]:
    """Two looks a session in a minute, and a purchase after them in a share of BUYS."""
    random = np.random.default_rng(numbers.start)
    for number in numbers:
        at, items = since + (number - numbers.start) * 10_000, random.integers(0, len(ITEMS), 3)
        for place in range(2 + (random.random() < BUYS)):
            kind = "purchase" if place == 2 else "view_item"
            item = {"event": kind, "item_id": ITEMS[items[place]], "price": 5.0}
            yield click(10 * number + place, f"v{number}", at + 20_000 * place, **item)


def by_time(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: event["ts"])


def published(broker: Connection, topic: str, since: int) -> list[dict[str, Any]]:
    """Answers to looks from an event time on."""
    return [one for one in decoded(broker, topic) if one["ts"] >= since and one["session_clicks"] < 3]


@pytest.mark.timeout(1800)
def test_a_changed_base_rate_is_followed(broker: Connection, tmp_path: Path) -> None:
    names, later = topic_names(), START + 12 * HOUR
    ensure(broker, names, partitions=2)
    running = Running(broker, names, tmp_path / "trainer", calibration_minutes=0.1)
    running.environment |= SETTINGS
    folder = running.folder / "registry"
    version = first(folder)
    moves(broker, names, folder).promote(version, "first")
    (tmp_path / "worker").mkdir()
    with Worker(broker, names, tmp_path / "worker", registry=folder) as worker:
        taken_up([worker], version)
        before = by_time(sessions(range(1500), START))
        # A later click in each partition: without it no session is known to be over.
        ends = [click(10**6 + number, f"end{number}", START + 10 * HOUR) for number in range(8)]
        with worker.dealing_with(len(before) + len(ends)):
            send(broker, names.clicks, encoded([*before, *ends]))
        served = lambda: Ledger(folder).status().serving  # noqa: E731
        with running.trainer() as process:
            running.wait(process, lambda: served() != version)
            shifted = str(served())
            taken_up([worker], shifted)
            looks = running.folder / "said.log"
            running.wait(process, lambda: "less than 12 hours ago" in looks.read_text())
        after = by_time(sessions(range(2000, 2500), later))
        with worker.dealing_with(len(after)):
            send(broker, names.clicks, encoded(after))
    told, now = (
        published(broker, names.purchase_intent, START),
        published(broker, names.purchase_intent, later),
    )
    mean = np.mean([one["purchase_probability"] for one in told if one["model_version"] == version])
    assert mean == pytest.approx(FORESEEN, abs=0.01)
    assert {one["model_version"] for one in now} == {shifted}
    assert np.mean([one["purchase_probability"] for one in now]) == pytest.approx(BUYS, abs=0.04)
    [entry] = [one for one in Ledger(folder).entries() if one.by == "calibration"]
    assert entry.reason.startswith("purchase probabilities shifted by +1."), entry.reason
    assert json.loads((folder / shifted / "metrics.json").read_bytes())["prior shift"]["of"] == version
