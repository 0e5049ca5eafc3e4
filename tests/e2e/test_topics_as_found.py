"""Topics made by a broker or changed by an administrator: named with the cure, mended, or refused."""

import subprocess
import sys
import time
from pathlib import Path

from deploy.cluster.clients import admin
from deploy.cluster.topic_creation import counts, ensure
from tests.brokers import topic_names
from tests.e2e.worker import START_SECONDS, Worker, click, decoded, encoded, send


def run(worker, *arguments, **environment):
    """A command in a worker's surroundings: its exit status and all that it said."""
    done = subprocess.run(
        [Path(sys.executable).parent / "pathcast", *arguments],
        env=worker.environment | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def refusal(worker, seconds=START_SECONDS):
    """The line with which a worker ends."""
    assert worker.process.wait(seconds) == 1
    (line,) = [line for line in worker.said().splitlines() if line.startswith("Error:")]
    assert "Traceback" not in worker.said()
    return line


def test_topics_that_a_broker_made_are_named_and_mended(broker, tmp_path):
    names = topic_names()
    worker = Worker(broker, names, tmp_path)
    wrong = {"cleanup.policy": "delete", "retention.ms": "60000"}
    with admin(broker) as client:
        client.create_topics({names.clicks: {"num_partitions": 1, "configs": {"retention.ms": "60000"}}})
        client.create_topics({names.items: {"num_partitions": 1, "configs": wrong}}, wait_for_metadata=True)
    status, said = run(worker, "topics")
    assert status == 1
    items = (
        f"{names.items}: cleanup.policy is delete, expected compact: the latest record of a key is deleted"
    )
    assert f"Error: {items} after 1 minute" in said
    assert f"Warning: {names.clicks}: retention.ms is 60000 (1 minute), expected 604800000 (7 days)" in said
    assert f"{names.clicks} has 1 partition" in said
    assert items in refusal(worker.start())
    status, said = run(worker, "topics", "--mend", "--partitions", "2")
    assert status == 0, said
    assert "Warning" not in said
    with admin(broker) as client:
        found = counts(client, names)
    assert {found[name] for name in names.by_visitor} == {2}
    status, said = run(worker, "topics")
    assert (status, "expected" in said) == (0, False)
    worker.log.unlink()
    with worker:
        assert "differs" not in worker.said()


def test_partitions_added_under_a_worker_end_it_and_nothing_is_lost(broker, tmp_path):
    names = topic_names()
    ensure(broker, names, partitions=2)
    worker = Worker(broker, names, tmp_path, session_timeout_seconds=6)
    visitors = [f"v{number}" for number in range(12)]
    with worker:
        with worker.dealing_with(24):
            send(broker, names.clicks, encoded([click(n, visitors[n % 12]) for n in range(24)]))
        with admin(broker) as client:
            client.create_partitions({names.clicks: 4})
        began = time.monotonic()
        line = refusal(worker, 60)
        assert time.monotonic() - began < 60
    assert f"{names.clicks} has 4 partitions, its state in {names.clicks}-state-changelog has 2" in line
    assert "pathcast state grow" in line
    send(broker, names.clicks, encoded([click(n, visitors[n % 12]) for n in range(24, 48)]))
    assert line in run(worker, "state", "show")[1]
    worker.log.unlink()
    assert refusal(worker.start()) == line
    new = f"{names.clicks}-2"
    status, said = run(worker, "state", "grow", "--partitions", "6")
    assert status == 0
    assert f"pathcast state grow --carry-over-to {new}" in said
    assert f"PATHCAST_APPLICATION_ID={names.clicks}-6" in said
    renamed = {"PATHCAST_TOPIC_CLICKS": new}
    assert run(worker, "topics", "--partitions", "2", **renamed)[0] == 0
    status, said = run(worker, "state", "grow", "--carry-over-to", new)
    assert f"24 unread clicks of {names.clicks} copied to {new}" in said
    status, said = run(worker, "state", "grow", "--carry-over-to", new)
    assert status == 1
    assert f"{new} has 2 partitions and 24 records, expected 2 and 0" in said
    assert run(worker, "state", "rebase", "--yes", **renamed)[0] == 0
    successor = Worker(
        broker, names.model_copy(update={"clicks": new}), tmp_path, application_id=names.clicks
    )
    with successor:
        successor.wait(lambda: successor.total("pathcast_events_total") == 24, "unread clicks unanswered")
        assert successor.total("pathcast_misrouted_total", "pathcast_duplicates_total") == 0
    answered = decoded(broker, names.purchase_intent)
    assert sorted(one["event_id"] for one in answered) == sorted(f"e{n}" for n in range(48))
    # The state was kept: the fourth click of a session is the fourth.
    assert sorted(one["session_clicks"] for one in answered) == sorted([1, 2, 3, 4] * 12)
