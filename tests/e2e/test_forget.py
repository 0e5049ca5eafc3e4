"""`pathcast visitor forget` after traffic: every store is searched, and the proof says what was where."""

import json
import time

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.cluster.clients import admin
from deploy.cluster.state import changelog_of
from deploy.cluster.topic_creation import ensure
from deploy.privacy import search
from streams.config.connection import Connection
from tests.brokers import start_broker, topic_names
from tests.e2e.forgetting import pathcast, until
from tests.e2e.worker import Worker, click, decoded, encoded, send
from tests.searching import in_files
from tests.tiny import announce
from tests.tiny import version as tiny
from trainer.eventlog.log import EventLog

WHO = "someone-very-special"
#: A broker that looks for what is to be deleted or compacted all the time.
HASTY = {"log.retention.check.interval.ms": "500", "log.cleaner.backoff.ms": "200"}
SHORT = {"segment.ms": "100", "retention.ms": "1500", "file.delete.delay.ms": "100"}
COMPACTED = {
    "segment.ms": "100",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "file.delete.delay.ms": "100",
}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    own = start_broker(tmp_path_factory.mktemp("broker"), HASTY)
    yield Connection(bootstrap_servers=own.bootstrap)
    own.stop()


def shorten(broker, topics, settings):
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, settings) for topic in topics]
    with admin(broker) as client:
        client.alter_configs(wanted)


def traffic(numbers):
    return [click(number, WHO if number % 5 == 0 else f"v{number % 7}") for number in numbers]


def test_a_forgotten_visitor_is_nowhere_and_the_proof_says_where_they_were(hasty, tmp_path):
    names = topic_names()
    ensure(hasty, names, partitions=2)
    worker, log = Worker(hasty, names, tmp_path / "worker"), tmp_path / "log"
    worker.folder.mkdir()
    changelog = changelog_of(names.clicks)
    visitors = [name for name in names.by_visitor if name != names.erasures]
    with worker:
        version = tiny(worker.folder / "registry")
        announce(hasty, names.model_updates, worker.folder / "registry", version.id)
        worker.wait(lambda: worker.total("pathcast_model_swaps_total") == 1, "no model")
        with worker.dealing_with(101):
            send(hasty, names.clicks, encoded(traffic(range(100))))
            send(hasty, names.clicks, [(WHO.encode(), b"no json")])
        pathcast(worker, log, "log", "ingest")
        assert search.in_event_log(EventLog.at(str(log)), WHO) == 4 * 20 + 1
        assert worker.get(f"/visitors/{WHO}")[0] == 200

        said = json.loads(pathcast(worker, log, "visitor", "forget", WHO, "--yes", "--json"))
        proof = {line["store"]: line for line in said["stores"]}
        assert proof["state (RocksDB)"]["found"].startswith("a record in partition")
        assert proof[f"topic {names.clicks}"]["found"] == "21 records"  # the requests are not counted
        assert proof[f"topic {names.dead_letters}"]["found"] == "1 records"
        assert proof["event log"]["found"] == "81 rows"
        assert proof["event log"]["gone"] == "now"
        assert proof["model versions"]["found"] == (
            f"no id; versions that had seen them: none; that do not say: {version.id}"
        )
        assert proof[f"changelog {changelog}"]["gone"] > proof["state (RocksDB)"]["gone"]
        assert WHO not in json.dumps(said)
        assert WHO not in repr(decoded(hasty, names.erasures))

        assert worker.get(f"/visitors/{WHO}")[0] == 404
        copies = proof["files of present and former owners"]
        assert copies["found"] == "2 of 2 copies left confirm that they are clean"
        assert copies["gone"] == "now"
        assert not in_files(tmp_path / "worker" / "data", WHO)
        assert not in_files(log, WHO)
        shorten(hasty, visitors, SHORT)
        shorten(hasty, [changelog], COMPACTED)
        with worker.dealing_with(50):
            # Others go on; their records also close the segments that hold the visitor's.
            for start in range(1000, 1050, 5):
                send(hasty, names.clicks, encoded([click(n, f"v{n % 7}") for n in range(start, start + 5)]))
                time.sleep(0.3)
        until(lambda: not search.in_changelog(hasty, changelog, WHO), "not compacted")
        until(
            lambda: not any(found.records for found in search.in_topics(hasty, visitors, WHO).values()),
            "still on a topic",
        )
        with worker.dealing_with(1):
            send(hasty, names.clicks, encoded([click(2000, WHO)]))
        state = json.loads(worker.get(f"/visitors/{WHO}")[1])["state"]
        assert (state["sessions"], state["in_session"]) == (1, 1)
        assert worker.stop() == 0
