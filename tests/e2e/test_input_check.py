"""`pathcast input check --topic`: the newest records of a real topic, without a group."""

import json

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.clients import admin
from tests.e2e.worker import click, encoded, send


@pytest.fixture
def check(broker, topics, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    for role, name in topics.model_dump().items():
        monkeypatch.setenv(f"PATHCAST_TOPIC_{role.upper()}", name)
    # The clicks of the tests are of 2023.
    monkeypatch.setenv("PATHCAST_CHECK_SKEW", "false")
    return lambda *words: CliRunner().invoke(main, ["input", "check", *words])


def groups(broker):
    with admin(broker) as client:
        return client.list_groups()


def test_the_newest_records_are_checked_and_nothing_is_left_behind(broker, topics, check):
    events = [click(number, f"v{number % 5}") for number in range(60)]
    send(broker, topics.clicks, encoded(events))
    send(broker, topics.clicks, [(b"v1", b"no json")])
    send(broker, topics.items, [(b"i1", b'{"item_id": "i1"}')])
    before = groups(broker)
    done = check("--topic", topics.clicks, "--json")
    said = json.loads(done.stdout)
    assert (said["rows"], said["unusable"], said["measures"]["visitors"]) == (61, 1, 5)
    assert said["usable"] == (done.exit_code == 0)
    assert groups(broker) == before
    few = json.loads(check("--topic", topics.clicks, "--limit", "8", "--json").stdout)
    assert few["rows"] == 8


def test_the_limit_is_reached_though_partitions_differ_in_length(broker, topics, check):
    # One visitor has most of the clicks.
    send(
        broker,
        topics.clicks,
        encoded([click(number, f"v{number % 5 if number < 40 else 0}") for number in range(200)]),
    )
    for limit, expected in ((150, 150), (200, 200), (1000, 200)):
        said = json.loads(check("--topic", topics.clicks, "--limit", str(limit), "--json").stdout)
        assert said["rows"] == expected


def test_a_topic_that_is_not_there_is_one_line(check):
    done = check("--topic", "nowhere")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no topic 'nowhere'")
