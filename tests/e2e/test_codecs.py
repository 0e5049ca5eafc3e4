"""Topics and producers with each of Kafka's codecs: the worker and every reading command read all of them."""

from confluent_kafka import Producer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.record.default_records import DefaultRecordBatch

from deploy.cluster.clients import admin
from deploy.cluster.lapsing_visitors import read_state
from deploy.cluster.state import changelog_of
from streams.config.topics import ANSWERS
from tests.e2e.forgetting import pathcast
from tests.e2e.worker import REPLAYED, click, encoded, read

#: In the order of their numbers in record batches, from 1 on.
CODECS = ("gzip", "snappy", "lz4", "zstd")
#: Commands that read topics; `log ingest` reads as the trainer does.
READING = (
    ("topics",),
    ("log", "ingest"),
    ("dead-letters", "list"),
    ("state", "show"),
    ("state", "copies"),
    ("decisions", "verify"),
    ("visitor", "forget", "v0", "--yes"),
)


def compressed(broker, topics, codec):
    """From now on the broker keeps what these topics get in this codec."""
    settings = {"compression.type": codec}
    with admin(broker) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, one, settings) for one in topics])


def produce(broker, topic, codec, pairs):
    options = {"compression.type": codec, "linger.ms": 50, "partitioner": "murmur2_random"}
    client = Producer({"bootstrap.servers": broker.bootstrap_servers, **options})
    for key, value in pairs:
        client.produce(topic, value, key, headers=REPLAYED)
    assert client.flush(30) == 0


def traffic(codec, number):
    page = "https://shop.example/" + "x" * 300
    clicks = [click(10 * number + n, f"v{n}", event_id=f"{codec}-{n}", page=page) for n in range(9)]
    return [*encoded(clicks), (b"v9", b"no json" * 50)]


def codecs_of(broker, topic, monkeypatch):
    """The codecs of the record batches on a topic, by number."""
    found = set()
    with monkeypatch.context() as patched:
        patched.setattr(DefaultRecordBatch, "_assert_has_codec", lambda _, number: found.add(number))
        read(broker, topic)
    return found


def test_every_reading_command_reads_every_codec(broker, running, tmp_path, monkeypatch):
    names = running.names
    changelog = changelog_of(names.clicks)
    every = [*names.by_visitor, *names.broadcast, changelog]
    for number, codec in enumerate(CODECS):
        compressed(broker, every, codec)
        copies = [(one.key, one.value) for one in read(broker, names.state_copies)]
        produce(broker, names.state_copies, codec, copies)
        with running.dealing_with(10):
            produce(broker, names.clicks, codec, traffic(codec, number))
    read_by_commands = [
        names.clicks,
        *(getattr(names, role) for role in ANSWERS),
        names.dead_letters,
        names.state_copies,
        changelog,
    ]
    for topic in read_by_commands:
        assert codecs_of(broker, topic, monkeypatch) == set(range(1, 5)), topic
    # As `pathcast score-lapsing` reads it, which needs more visitors than there are.
    assert len(read_state(broker, names.clicks).ids) == 9
    said = {" ".join(command[:2]): pathcast(running, tmp_path / "log", *command) for command in READING}
    assert said["log ingest"].endswith("148 rows written\n")
    assert said["dead-letters list"].splitlines()[1].split() == ["in", "all", "4"]
    assert "36 of 36 decisions verified" in said["decisions verify"]
    assert said["state copies"].count(f"{running.folder.name}/data") == 2
