"""A recreated clicks topic: the worker refuses by one line, `pathcast state rebase` repairs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cluster.clients import admin
from deploy.cluster.state import StateCommandError, partition_positions, rebase
from deploy.cluster.topic_creation import ensure
from streams.transport.state_checkpoint import StateCheckpoint
from tests.brokers import topic_names
from tests.e2e.worker import Worker, click, decoded, encoded, send


def pathcast(worker: Worker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "pathcast", *arguments],
        env=worker.environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def stopped(broker, tmp_path):
    """A worker that has answered 40 clicks on two partitions and was stopped."""
    names = topic_names()
    ensure(broker, names, partitions=2)
    worker = Worker(broker, names, tmp_path, session_timeout_seconds=6)
    with worker:
        with worker.dealing_with(40):
            send(broker, names.clicks, encoded([click(n, f"v{n % 8}") for n in range(40)]))
        refused = pathcast(worker, "state", "rebase", "--yes")
        assert refused.returncode == 1
        assert "stop them first" in refused.stderr
        assert worker.stop() == 0  # a killed one would stay a member until its session times out
    return worker


def recreate(broker, topic):
    with admin(broker) as client:
        client.delete_topics([topic])
    while True:
        with admin(broker) as client:
            if topic not in client.list_topics():
                break
    with admin(broker) as client:
        client.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)


def test_a_recreated_topic_is_refused_until_the_state_is_rebased(broker, stopped, capsys):
    names = stopped.names
    recreate(broker, names.clicks)
    stopped.start()
    assert stopped.process.wait(90) == 1
    (line,) = [line for line in stopped.said().splitlines() if line.startswith("Error:")]
    assert "pathcast state rebase" in line
    before = pathcast(stopped, "state", "show")
    assert before.stdout.count("refused") == 2, before.stdout + before.stderr

    done = pathcast(stopped, "state", "rebase", "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 partitions rebased" in done.stdout
    assert "refused" not in pathcast(stopped, "state", "show").stdout

    fresh = [click(n, f"v{n % 8}") for n in range(40, 60)]
    with stopped, stopped.dealing_with(21):
        # One event of the old topic among the new ones: the state was kept, so it is known.
        send(broker, names.clicks, encoded([*fresh, click(39, "v7")]))
    answered = [one["event_id"] for one in decoded(broker, names.purchase_intent)]
    assert sorted(answered) == sorted(f"e{n}" for n in range(60))


def test_rebase_to_the_end_skips_what_is_there(broker, stopped):
    recreate(broker, stopped.names.clicks)
    send(broker, stopped.names.clicks, encoded([click(n, f"v{n % 8}") for n in range(100, 120)]))
    assert pathcast(stopped, "state", "rebase", "--yes", "--to", "end").returncode == 0
    found = partition_positions(broker, stopped.names.clicks, stopped.names.clicks)
    assert all(one.fits and one.checkpoint.positions[one.topic_id] == one.end for one in found)
    assert sum(one.end for one in found) == 20
    assert all(one.checkpoint.watermark > 0 for one in found)


def test_an_installation_without_state_is_told_so(broker, topics):
    with pytest.raises(StateCommandError, match="PATHCAST_APPLICATION_ID"):
        partition_positions(broker, "nobody-ever", topics.clicks)


def test_rebase_without_yes_asks_and_does_nothing_on_no(broker, stopped):
    found = partition_positions(broker, stopped.names.clicks, stopped.names.clicks)
    asked = pathcast(stopped, "state", "rebase")
    assert asked.returncode == 1
    assert "Aborted" in asked.stderr
    assert partition_positions(broker, stopped.names.clicks, stopped.names.clicks) == found
    assert rebase(broker, stopped.names.clicks, stopped.names.clicks, found, to_end=False) == [0, 1]
    after = partition_positions(broker, stopped.names.clicks, stopped.names.clicks)
    assert [one.checkpoint.positions for one in after] == [{one.topic_id: 0} for one in found]
    assert all(isinstance(one.checkpoint, StateCheckpoint) for one in after)
