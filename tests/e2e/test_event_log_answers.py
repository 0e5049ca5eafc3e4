"""From a worker with the model that `pathcast train` makes by default into the event log: nothing is lost.

Every topic of the log, with explanations, plain and sealed: no row is refused, no column is empty that the
answers have, and every value is the published one.
"""

import json

import polars as pl
import pytest

from deploy.cluster.topic_creation import ensure
from models.contract.head_table import HEADS
from models.contract.predictions import FallbackTier
from models.registry import registry
from streams.config.topics import ANSWERS
from tests.brokers import topic_names
from tests.e2e.forgetting import pathcast
from tests.e2e.test_sealing import opened
from tests.e2e.worker import Worker, encoded, send
from tests.e2e.worker import read as read_topic
from tests.eventlogs import originals
from tests.scoring import SHIPPED
from tests.tiny import announce
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS, TABLES
from trainer.logs.log_files import read_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

#: One visitor of so many: their clicks span the whole log.
SHARE = 30
SENT = 400


def shopping() -> list[dict[str, object]]:
    """Real clicks; the shipped log has no searches, no ratings and few carts, so some are made up."""
    theirs = pl.col("visitor_id").hash(7) % SHARE == 0
    rows = read_log([SHIPPED]).filter(theirs).sort("ts", maintain_order=True).collect()
    found: list[dict[str, object]] = []
    for number, row in enumerate(rows.iter_rows(named=True)):
        said = {name: value for name, value in row.items() if value is not None}
        found.append(said)
        who = {name: said[name] for name in ("visitor_id", "item_id") if name in said}
        if number % 7 == 0:
            words = {"event": "search", "query": "cards", "ts": row["ts"] + 1, "event_id": f"s{number}"}
            found.append({"visitor_id": row["visitor_id"]} | words)
        if number % 11 == 0:
            stars = {"event": "rate_item", "rating": 1 + number % 5, "event_id": f"r{number}"}
            found.append(who | stars | {"ts": row["ts"] + 2})
        if number % 13 == 0:
            cart = {"event": "add_to_cart", "price": 9.5, "quantity": 1, "event_id": f"c{number}"}
            found.append(who | cart | {"ts": row["ts"] + 3})
    return found


#: One record a click; what ends later is compared in test_feedback.py.
COMPARED = [table for table in TABLES if table is CLICKS or table.setting in ANSWERS]


@pytest.fixture(scope="module")
def clicks() -> list[dict[str, object]]:
    return shopping()


@pytest.fixture(scope="module")
def version(clicks: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> registry.Version:
    """The default network with all heads, trees and blend; only its epochs are few."""
    folder = tmp_path_factory.mktemp("trained")
    pl.DataFrame(clicks, infer_schema_length=None).write_parquet(folder / "log.parquet")
    made = train(
        Run(
            [folder / "log.parquet"],
            folder / "registry",
            options=Options(epochs=1, seconds=1e9, publish_heads="all"),
        ),
        1_700_000_000_000,
        lambda progress: None,
    )
    assert {name for name, _ in made.neural.network.config.tasks} == {head.name for head in HEADS}
    return made


@pytest.mark.parametrize("sealing", [False, True], ids=["plain", "sealed"])
def test_nothing_that_is_published_is_lost(broker, tmp_path, clicks, version, sealing):
    names, log = topic_names(), tmp_path / "log"
    ensure(broker, names, partitions=2, sealing=sealing)
    (tmp_path / "master").write_bytes(b"m" * 40)
    settings = {"registry": version.path.parent, "deadline_ms": 600_000, "explanations_per_chunk": 1_000}
    settings |= {"envelope_key_file": tmp_path / "master"} if sealing else {}
    sent = clicks[-SENT:]
    for number, click in enumerate(sent):
        click |= {"explain": True} if number % 4 == 0 else {}
        click |= {"price": 1e11, "brand": "{{brand}}"} if number % 10 == 0 else {}
    with Worker(broker, names, tmp_path, **settings) as worker:
        announce(broker, names.model_updates, version.path.parent, version.id)
        worker.wait(lambda: worker.total("pathcast_model_swaps_total") == 1, "no model")
        with worker.dealing_with(len(sent)):
            send(broker, names.clicks, encoded(sent))
        published = values(broker, names, sealing)
        pathcast(worker, log, "log", "ingest")
        assert "no row is refused" in pathcast(worker, log, "log", "stats", "--check")
    for table in COMPARED:
        compare(EventLog.at(str(log)), table, published[table.setting])


def values(broker, names, sealing: bool):
    """Published values by role, by partition and offset."""
    if sealing:
        found = opened(broker, names)
    else:
        roles = [table.setting for table in COMPARED if table is not CLICKS]
        found = {
            role: [(one, one.value) for one in read_topic(broker, getattr(names, role))] for role in roles
        }
    found["clicks"] = [(one, one.value) for one in read_topic(broker, names.clicks)]
    return {
        role: {(one.partition, one.offset): json.loads(value) for one, value in pairs}
        for role, pairs in found.items()
    }


def compare(log: EventLog, table, published) -> None:
    files = [file for manifest in log.manifests(table.name) for file in manifest.files]
    frame = pl.concat([log.read(file) for file in files])
    assert frame["_refused"].null_count() == len(frame) == SENT
    kept = {(row[0], row[1]): row[3] for row in originals(frame, table)}
    if table is CLICKS:
        # Of those with a clipped price or a template the bytes are kept beside the columns.
        assert frame["_bytes"].null_count() == len(frame) - SENT // 10
        known = {"schema_version": 1}
        read = {place: json.loads(one) if isinstance(one, bytes) else one for place, one in kept.items()}
        kept = {place: known | one for place, one in read.items()}
        published = {place: known | one for place, one in published.items()}
    else:
        assert frame["_bytes"].null_count() == len(frame)
        published = {place: without_nulls(one) for place, one in published.items()}
    assert kept == published
    sent = {name for one in published.values() for name in one}
    assert {name for name in table.fields if frame[name].null_count() < len(frame)} >= sent
    if table.setting == "purchase_intent":
        assert {one["rung"] for one in published.values()} == {FallbackTier.NEURAL}
        assert sent == set(table.fields)
    elif table is not CLICKS:
        # Of ad-decisions: an action without a masked one has no alternative; the rules are not named, and
        # actions without creatives have none.
        assert sent >= set(table.fields) - {"would_have", "policy", "creative"}


def without_nulls(said):
    return {name: value for name, value in said.items() if value is not None}
