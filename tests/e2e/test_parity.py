"""A log through the broker at poll sizes 1, 7 and 2,000, with a model swap midway, answers as offline.

Offline is the same code, one click at a time, without Kafka; the version is the one that the answer names.
"""

import json
from collections import Counter
from functools import partial
from importlib import resources
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import rocksdict

from deploy.cluster.records import RecordSource, batches
from deploy.cluster.topic_creation import ensure
from models.registry.versions import Version
from streams.config.processing_config import ProcessingConfig
from streams.config.worker_settings import WorkerSettings
from streams.storage.partition_store import PartitionStore, Persisted, database_options
from tests.brokers import topic_names
from tests.e2e.worker import Worker, decoded, read, send
from tests.offline import Offline
from tests.tiny import announce
from tests.tiny import version as tiny

#: Poll size, and how many clicks: one transaction per click takes its time.
SIZES = [(1, 800), (7, 4000), (2000, 8000)]
TOLERANCE = 1e-4
PARTITIONS = 2
OUTCOMES = ("view_promotion", "select_promotion", "rate_item")


def shipped(count):
    """The first clicks of the shipped log; after every third an outcome of the decision made for it."""
    path = Path(str(resources.files("deploy") / "data" / "rees46_electronics.csv.gz"))
    found: list[tuple[bytes, bytes]] = []
    mapping = {"ts": "event_time", "visitor_id": "user_session", "event": "event_type"}
    for batch in batches(RecordSource(path, mapping)):
        for key, value in zip(batch.keys, batch.values, strict=True):
            found += with_outcome(key or b"", json.loads(value), len(found))
            if len(found) >= count:
                return found[:count]
    raise AssertionError(f"the shipped log has only {len(found)} clicks, {count} were asked for")


def with_outcome(key, event, number):
    pairs = [(key, json.dumps(event).encode())]
    if number % 3 == 0:
        outcome = {name: event[name] for name in ("visitor_id", "item_id") if name in event}
        outcome |= {"event_id": f"{event['event_id']}-outcome", "ts": event["ts"] + 500}
        outcome |= {"event": OUTCOMES[number // 3 % 3], "decision_id": f"{event['event_id']}:onsite"}
        pairs.append((key, json.dumps(outcome).encode()))
    return pairs


@pytest.fixture(scope="module")
def clicks():
    return shipped(max(count for _, count in SIZES))


@pytest.fixture(scope="module")
def registry(clicks, tmp_path_factory):
    """Two untrained versions that know the items of the log."""
    folder = tmp_path_factory.mktemp("registry")
    counts = Counter(json.loads(value).get("item_id") for _, value in clicks)
    ids = [item for item, _ in counts.most_common(600) if item]
    return folder, tiny(folder, 1, ids, 32), tiny(folder, 2, ids, 32)


@pytest.mark.parametrize(("size", "count"), SIZES, ids=[f"poll size {size}" for size, _ in SIZES])
def test_every_published_answer_is_the_offline_one(broker, tmp_path, clicks, registry, size, count):
    names, (folder, first, second) = topic_names(), registry
    ensure(broker, names, PARTITIONS)
    settings = {"registry": folder, "chunk_records": size, "deadline_ms": 600_000}
    with Worker(broker, names, tmp_path, **settings) as worker:
        for swaps, (version, part) in enumerate(zip((first, second), halves(clicks[:count]), strict=True), 1):
            announce(broker, names.model_updates, folder, version.id)
            worker.wait(lambda n=swaps: worker.total("pathcast_model_swaps_total") == n, "no model")
            with worker.dealing_with(len(part), seconds=300):
                send(broker, names.clicks, part)
    published = answers(broker, names)
    versions = {version.id: version for version in (first, second)}
    offline = offline_pass(read(broker, names.clicks), names, published, versions, tmp_path)
    assert published.keys() == offline.keys()
    used = Counter((version, tier) for version, tier, *_ in published.values())
    assert min(used[first.id, "neural"], used[second.id, "neural"]) > count // 3
    assert len(used) == 2
    worst = max(difference(published[event_id], offline[event_id]) for event_id in published)
    print(f"\n{len(published)} answers at poll size {size}: greatest difference {worst:.1e}")
    assert worst <= TOLERANCE


def halves(clicks):
    return clicks[: len(clicks) // 2], clicks[len(clicks) // 2 :]


def answers(broker, names):
    """Version, tier, probability and scored items by event id; each event answered once."""
    intents, listed = decoded(broker, names.purchase_intent), decoded(broker, names.recommendations)
    decisions = Counter(one["event_id"] for one in decoded(broker, names.ad_decisions))
    found = joined(intents, listed)
    assert len(found) == len(intents) == len(listed)
    assert decisions == Counter(found.keys())
    return found


def joined(intents, listed):
    items = {one["event_id"]: [(item["item_id"], item["score"]) for item in one["items"]] for one in listed}
    return {
        one["event_id"]: (
            one["model_version"],
            one["rung"],
            one["purchase_probability"],
            items[one["event_id"]],
        )
        for one in intents
    }


def offline_pass(records, names, published, versions: dict[str, Version], folder: Path):
    """The same log click by click, each partition's in its order."""
    rules = ProcessingConfig(names, PARTITIONS, WorkerSettings(deadline_ms=600_000))
    found = {}
    for partition in range(PARTITIONS):
        options = database_options(rocksdict.Cache(64 << 20))
        store = PartitionStore(rocksdict.Rdict(str(folder / f"offline-{partition}"), options=options))
        offline = Offline(
            rules=rules, reader=store, write=partial(store.write, persisted=Persisted(0, "", 0))
        )
        for record in (one for one in records if one.partition == partition):
            known = published.get(json.loads(record.value)["event_id"])
            if known is not None:
                offline.models.current = versions[known[0]]
            outputs = offline.answers(offline.process([record]))
            if outputs:
                found |= joined(outputs[names.purchase_intent], outputs[names.recommendations])
        store.close()
    return found


def difference(one, other):
    """The greatest difference of probability and scores; items may trade places only where scores tie."""
    assert one[:2] == other[:2]
    scores, expected = dict(one[3]), dict(other[3])
    assert len(scores) == len(expected) == 20
    last = min(expected.values())
    apart = [abs(score - expected.get(item, last)) for item, score in scores.items()]
    ranked = np.abs(np.subtract([score for _, score in one[3]], [score for _, score in other[3]]))
    return max(abs(one[2] - other[2]), *apart, *islice(ranked.tolist(), 20))
