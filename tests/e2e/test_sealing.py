"""Sealed answers from outside: who has the keys reads them, a restart keeps them, and forgetting ends it."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.cluster.clients import consumer, drain
from deploy.cluster.state import changelog_of
from deploy.cluster.topic_creation import ensure
from deploy.privacy import search, visitor_keys
from models.privacy.envelope import Envelopes, is_sealed
from models.privacy.keyring import Keyring
from streams.config.connection import Connection
from streams.config.topics import ANSWERS
from tests.brokers import start_broker, topic_names
from tests.e2e.forgetting import pathcast, until
from tests.e2e.test_forget import COMPACTED, HASTY, WHO, shorten, traffic
from tests.e2e.worker import ROLES, Worker, click, encoded, read, send
from tests.eventlogs import originals
from tests.searching import in_files
from trainer.eventlog.envelope_keys import Keys
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME
from trainer.eventlog.stats import stats

MASTER = b"m" * 40
PAGE = Path(__file__).resolve().parents[2] / "docs" / "trainer" / "privacy.md"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    own = start_broker(tmp_path_factory.mktemp("broker"), HASTY)
    yield Connection(bootstrap_servers=own.bootstrap)
    own.stop()


def opened(broker, names):
    """By role the records of its topic, and what a consumer with the keys of now makes of their values."""
    ring = Keys(Keyring(Envelopes(MASTER)), names.visitor_keys, broker.kafka_python())
    found = {role: read(broker, getattr(names, role)) for role in ROLES}
    said = {role: list(zip(records, ring(role, records), strict=True)) for role, records in found.items()}
    ring.close()
    return said


def wrapped(broker, names):
    return [(record.key.decode(), record.value) for record in read(broker, names.visitor_keys)]


def logged(log):
    return {
        name.replace("-", "_"): sorted(
            (row[0], row[1], json.dumps(row[3], sort_keys=True))
            for manifest in log.manifests(name)
            for file in manifest.files
            for row in originals(log.read(file), table)
        )
        for name, table in BY_NAME.items()
        if table.setting in ANSWERS
    }


def of_answers(said):
    return {
        role: sorted(
            (record.partition, record.offset, json.dumps(json.loads(value), sort_keys=True))
            for record, value in answers
            if value is not None
        )
        for role, answers in said.items()
    }


@pytest.mark.long
def test_sealed_answers_are_read_with_their_keys_and_by_nobody_once_these_are_deleted(hasty, tmp_path):
    names, secret, log = topic_names(), tmp_path / "master", tmp_path / "log"
    secret.write_bytes(MASTER)
    assert names.visitor_keys in ensure(hasty, names, partitions=2, sealing=True)
    (tmp_path / "worker").mkdir()
    worker = Worker(hasty, names, tmp_path / "worker", envelope_key_file=secret)
    with worker:
        with worker.dealing_with(100):
            send(hasty, names.clicks, encoded(traffic(range(100))))
        made = wrapped(hasty, names)
        assert sorted(visitor for visitor, _ in made) == sorted([WHO, *(f"v{n}" for n in range(7))])
        # Killed among clicks of visitors who are new: a key of an aborted transaction is no key.
        send(
            hasty,
            names.clicks,
            encoded(click(n, f"late{n}" if n % 2 else f"v{n % 7}") for n in range(100, 150)),
        )
        worker.kill()
        worker.start().wait_ready()
        until(lambda: len(read(hasty, names.ad_decisions)) == 150, "not answered")
        visitors = Counter(visitor for visitor, _ in wrapped(hasty, names))
        assert visitors == Counter(
            [*(visitor for visitor, _ in made), *(f"late{n}" for n in range(101, 150, 2))]
        )
        assert made == [pair for pair in wrapped(hasty, names) if not pair[0].startswith("late")]

        said = opened(hasty, names)
        for role, answers in said.items():
            assert all(is_sealed(record.value) for record, _ in answers), role
            found = [json.loads(value) for _, value in answers]
            assert sorted(answer["event_id"] for answer in found) == sorted(f"e{n}" for n in range(150))
            assert [answer["visitor_id"].encode() for answer in found] == [one.key for one, _ in answers]
        pathcast(worker, log, "log", "ingest")
        assert logged(EventLog.at(str(log))) == of_answers(said)
        assert "150 of 150 decisions verified" in pathcast(worker, log, "decisions", "verify")
        assert documented(worker) == Counter(str(one.key) for one, _ in said["purchase_intent"])
        refused = without_secret(worker, tmp_path / "other", "log", "ingest")
        assert "is sealed by its visitor's key, expected plain JSON" in refused
        assert "PATHCAST_ENVELOPE_KEY_FILE" in without_secret(worker, log, "decisions", "verify")

        proof = forgotten(worker, log)
        for role in ROLES:
            line = proof[f"topic {getattr(names, role)}"]
            assert line["found"] == "20 records"
            assert "20 of them cannot be read: their key is deleted" in line["done"]
            # The records stay until their date, since their keys name the visitor.
            assert line["gone"] > proof["state (RocksDB)"]["gone"]
        assert "cannot be read" not in proof[f"topic {names.clicks}"]["done"]
        assert proof[f"visitors' keys {names.visitor_keys}"]["found"] == "1 keys"

        after = opened(hasty, names)
        for role, answers in after.items():
            for (record, value), (_, before) in zip(answers, said[role], strict=True):
                assert value == (None if record.key == WHO.encode() else before)
        gone = next(value for visitor, value in made if visitor == WHO)
        # A wrapped key's own bytes; those of others are found.
        kept = [value[12:] for visitor, value in made if visitor != WHO]
        assert in_files(worker.folder / "data", *kept)
        assert not in_files(worker.folder / "data", gone[12:])
        shorten(hasty, [names.visitor_keys, changelog_of(names.clicks)], COMPACTED)
        with worker.dealing_with(30):
            # New visitors' keys close the segment that has the deleted one.
            for start in range(1000, 1030, 3):
                send(hasty, names.clicks, encoded([click(n, f"new{n}") for n in range(start, start + 3)]))
                time.sleep(0.3)
        until(lambda: (WHO, gone) not in wrapped(hasty, names), "the key is still on its topic")
        until(lambda: not search.in_changelog(hasty, changelog_of(names.clicks), WHO), "nor compacted")
        assert gone not in everything(hasty, changelog_of(names.clicks))

        # Who keeps a log of their own from the start learns no more of them either.
        again = tmp_path / "again"
        pathcast(worker, again, "log", "ingest")
        found = {one.table: one for one in stats(EventLog.at(str(again)))}
        assert [found[role.replace("_", "-")].erased for role in ROLES] == [20, 20, 20]
        assert found["clicks"].erased == 0
        assert worker.stop() == 0
    assert MASTER.decode() not in worker.said()


def forgotten(worker, log):
    said = json.loads(pathcast(worker, log, "visitor", "forget", WHO, "--yes", "--json"))
    return {line["store"]: line for line in said["stores"]}


def everything(broker, topic):
    with consumer(broker) as client:
        return [record.value for record in drain(client, topic)]


def without_secret(worker, log, *arguments):
    environment = {k: v for k, v in worker.environment.items() if k != "PATHCAST_ENVELOPE_KEY_FILE"}
    done = subprocess.run(
        [Path(sys.executable).parent / "pathcast", *arguments],
        env=environment | {"PATHCAST_TRAINER_LOG": str(log), "PATHCAST_TRAINER_GROUP": log.name},
        cwd=worker.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def documented(worker):
    """The consumer of docs/trainer/privacy.md, run as it stands: how many answers it opened, by visitor."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names = worker.names
    for name, own in {
        '"purchase-intent"': f'"{names.purchase_intent}"',
        '"visitor-keys"': f'"{names.visitor_keys}"',
        "127.0.0.1:9092": worker.broker.bootstrap_servers,
        "pathcast.master": str(worker.folder.parent / "master"),
    }.items():
        assert name in code
        code = code.replace(name, own)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    assert all(0 <= float(probability) <= 1 for _, probability in said)
    return Counter(who for who, _ in said)


def test_a_key_that_no_worker_deletes_is_deleted_by_the_command(broker, topics):
    """Where sealing was turned off; who came back meanwhile, and so has another key, keeps it."""
    topic = topics.visitor_keys
    assert visitor_keys.current_records(broker, topic, ["anna"]) is None
    ensure(broker, topics, sealing=True)
    send(broker, topic, [(b"anna", b"k1"), (b"bob", b"k2"), (b"zoe", b"k3")])
    held = visitor_keys.current_records(broker, topic, ["anna", "zoe"])
    assert sorted(held.values()) == [b"k1", b"k3"]
    send(broker, topic, [(b"zoe", b"k4")])
    visitor_keys.delete(broker, topic, held)
    assert sorted(visitor_keys.current_records(broker, topic, ["anna", "bob", "zoe"]).values()) == [
        b"k2",
        b"k4",
    ]


def test_a_worker_that_seals_wants_the_topic_of_keys(broker, topics, tmp_path):
    secret = tmp_path / "master"
    secret.write_bytes(MASTER)
    worker = Worker(broker, topics, tmp_path, envelope_key_file=secret).start()
    assert worker.process.wait(120) == 1
    assert f"missing topics: {topics.visitor_keys}; run `pathcast topics`" in worker.said()
    assert not in_files(tmp_path / "data", MASTER.decode())
