"""Shoppers change while they are watched: the trainer learns it, the gate promotes, workers swap under load.

Beside them a control worker answers the same clicks with the version that served before. The longer run
(`-m slow`) is at 2,000 clicks/s, or PATHCAST_TEST_RATE. What is printed of latencies depends on the machine;
no test hangs on it.
"""

import shutil
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deploy.cluster.records import RecordSource, batches
from deploy.cluster.topic_creation import ensure
from models.quality_metrics import average_precision
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.brokers import topic_names
from tests.e2e.changing import changing
from tests.e2e.load import (
    FULL_RATE,
    Answer,
    Load,
    answered_once,
    came,
    dealt_with,
    latencies,
    megabytes,
    said,
    taken_up,
    within,
)
from tests.e2e.moves import moves
from tests.e2e.test_trainer import Running
from tests.e2e.worker import Worker
from trainer.loop.options import Options
from trainer.promotion.ledger import Ledger
from trainer.training.log_parts import Run
from trainer.training.train import train

pytestmark = pytest.mark.long

GAP_MS = 30 * 60_000
#: A run takes half a minute; beside much else, minutes.
RUN_SECONDS = 900.0
SETTINGS = Options(
    epochs=4,
    seconds=3600,
    embedding=16,
    hidden=16,
    candidates=256,
    clicks_per_batch=256,
    precision="fp32",
)


class Shop:
    """A log, the version that learned from its first part, two workers, their trainer, a control worker."""

    def __init__(
        self, broker: Connection, folder: Path, before: int, learned: int, log: int, nice: int
    ) -> None:
        self.broker, self.folder, self.before = broker, folder, before
        self.names, self.control_names = topic_names(), topic_names()
        same = {role: getattr(self.names, role) for role in ("clicks", "items")}
        self.control_names = self.control_names.model_copy(update=same)
        for names in (self.names, self.control_names):
            ensure(broker, names, partitions=4)
        self.log = changing(before, log - before)
        self.log.write_parquet(folder / "log.parquet")
        # A run that learns from 20,000 clicks at most takes no longer at any rate.
        limits = {"every_clicks": learned, "holdout": 0.25, "memory_mb": 1900}
        self.trainer = Running(broker, self.names, folder / "trainer", nice=nice, **limits)
        self._settings()
        self.registry, self.control_registry = folder / "trainer" / "registry", folder / "control-registry"
        self.old = self._first()
        settings = {"application_id": self.names.clicks, "registry": self.registry}
        self.workers = [self._worker(name, self.names, **settings) for name in ("one", "two")]
        own = {"application_id": f"{self.names.clicks}-control", "registry": self.control_registry}
        self.control = self._worker("control", self.control_names, **own)
        self.all = [*self.workers, self.control]

    def _settings(self) -> None:
        shown = {name: getattr(SETTINGS, name) for name in SETTINGS.__slots__}
        changed = {name: value for name, value in shown.items() if value != getattr(Options(), name)}
        text = "".join(f"{name} = {value!r}\n" for name, value in changed.items())
        (self.folder / "trainer" / "settings.toml").write_text(text)

    def _first(self) -> str:
        """The version that knows shoppers as they were; it serves for workers and control."""
        part = self.folder / "before.parquet"
        self.log.head(self.before).write_parquet(part)
        made = train(Run([part], self.registry, options=SETTINGS), 1_700_000_000_000, lambda at: None)
        shutil.copytree(self.registry, self.control_registry)
        for names, registry in (
            (self.names, self.registry),
            (self.control_names, self.control_registry),
        ):
            moves(self.broker, names, registry).promote(made.id, "shoppers as they were")
        return made.id

    def _worker(self, name: str, names: TopicNames, **settings: object) -> Worker:
        (self.folder / name).mkdir()
        return Worker(self.broker, names, self.folder / name, **settings).start()

    def ids(self, sent: int) -> list[str]:
        """The event ids of so many clicks."""
        return self.log["event_id"].head(sent).to_list()

    def load(self, rate: float) -> Load:
        """Sends the log."""
        every = batches(RecordSource(self.folder / "log.parquet"))
        pairs = ((key, value) for batch in every for key, value in zip(batch.keys, batch.values, strict=True))
        return Load(self.broker, self.names.clicks, rate, pairs)


def outcomes(log: pl.DataFrame) -> dict[str, bool]:
    """Whether a purchase follows in the session, by event id; of purchases themselves nothing is said."""
    bought = (pl.col("event") == "purchase").cast(pl.Int64)
    fresh = (pl.col("ts").diff() > GAP_MS).fill_null(value=False).cum_sum().over("visitor_id")
    later = bought.cum_sum(reverse=True).over("visitor_id", "session") - bought
    said = log.with_columns(session=fresh).with_columns(later=later > 0).filter(pl.col("event") != "purchase")
    return dict(said.select("event_id", "later").iter_rows())


def live(answers: list[Answer], chosen: set[str], known: dict[str, bool]) -> float:
    """Average precision of what was answered to some clicks."""
    judged = [one for one in answers if one.event_id in chosen and one.event_id in known]
    labels = np.array([known[one.event_id] for one in judged])
    assert labels.sum() >= 20, f"only {labels.sum()} of {len(judged)} clicks were followed by a purchase"
    return average_precision(np.array([one.purchase_probability for one in judged], np.float32), labels)


def changes(answers: list[Answer]) -> set[tuple[str, str]]:
    """Which version followed which, partition by partition."""
    found = set()
    for number in {one.partition for one in answers}:
        versions = [one.model_version for one in answers if one.partition == number]
        found |= {pair for pair in pairwise(versions) if pair[0] != pair[1]}
    return found


def change(
    broker: Connection, folder: Path, rate: float, before: int, learned: int, log: int, nice: int
) -> None:
    """Replay a log whose shoppers change after `before` clicks; a run is due after `learned`."""
    shop = Shop(broker, folder, before, learned, log, nice)
    try:
        for worker in shop.all:
            worker.wait_ready(300)
        taken_up(shop.all, shop.old)
        with shop.trainer.trainer() as process:
            load = shop.load(rate)
            load.start()
            load.wait(learned // 2)
            calm = time.time() * 1000
            shop.trainer.wait(process, lambda: shop.trainer.at.order() is not None, RUN_SECONDS)
            ordered = time.time() * 1000
            shop.trainer.wait(process, lambda: shop.trainer.at.done() is not None, RUN_SECONDS)
            done = shop.trainer.at.done()
            assert done is not None
            assert done.promoted, done.why
            assert done.version is not None
            taken_up(shop.workers, done.version)
            swapped = time.time() * 1000
            load.wait(load.sent + max(2_000, int(10 * rate)))
            load.stop()
            memory = megabytes(process.pid, *(worker.process.pid for worker in shop.all))
        entry = Ledger(shop.registry).entries()[-1]
        assert (entry.version, entry.reason, entry.by) == (done.version, done.why, "gate")
        dealt_with(shop.workers, load.sent)
        dealt_with([shop.control], load.sent)
        told = judged(shop, load.sent, done.version)
        waits = latencies(came(broker, shop.names.clicks), told)
    finally:
        for worker in shop.all:
            worker.kill()
    print(f"{done.version}: {done.why}")
    said("before the run", within(waits, calm, ordered))
    said("during the run", within(waits, ordered, entry.at))
    said("during the swap", within(waits, entry.at, max(swapped, entry.at + 1000)))
    said("after it", within(waits, max(swapped, entry.at + 1000), np.inf))
    print(f"memory MB of trainer, workers, control: {memory}")


def judged(shop: Shop, sent: int, new: str) -> list[Answer]:
    """What the workers answered, once everything that must be so is."""
    wanted = shop.ids(sent)
    told = answered_once(shop.broker, shop.names, wanted)
    control = answered_once(shop.broker, shop.control_names, wanted, ["purchase_intent"])
    assert len(told) == len(control) == sent
    assert changes(told) == {(shop.old, new)}
    assert {one.model_version for one in control} == {shop.old}
    for worker in shop.all:
        assert worker.total("pathcast_duplicates_total", "pathcast_dead_letters_total") == 0
    after = {one.event_id for one in told if one.model_version == new}
    known = outcomes(shop.log)
    kept, renewed = live(control, after, known), live(told, after, known)
    print(
        f"\nlive average precision after the swap ({len(after):,} clicks): {renewed:.3f}, control {kept:.3f}"
    )
    print(f"rungs {dict(Counter(one.rung for one in told))}")
    assert renewed > kept
    return told


@pytest.mark.timeout(1200)
def test_a_change_of_shoppers_is_learned_and_no_click_is_lost_on_the_way(
    broker: Connection, tmp_path: Path
) -> None:
    change(broker, tmp_path, rate=200, before=2_000, learned=7_000, log=200_000, nice=0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_same_at_full_load(broker: Connection, tmp_path: Path) -> None:
    change(broker, tmp_path, rate=FULL_RATE, before=10_000, learned=30_000, log=900_000, nice=5)
