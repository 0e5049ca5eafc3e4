"""`pathcast score-lapsing` beside a running worker: visitors who stay away are published, once each."""

import json
import subprocess
import sys
from pathlib import Path

from models.durations import DAY_MS
from tests.e2e.worker import START, click, decoded, encoded, read, send

VISITORS = 80


def pathcast(worker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "pathcast", "score-lapsing", *arguments],
        env=worker.environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def visits() -> list[dict[str, object]]:
    """Most come on one day; every fourth for six days; two of those buy, and one says no to being known."""
    events = []
    for day in range(6):
        for number in range(VISITORS):
            if day == 0 or number % 4 == 0:
                own = {"event": "purchase", "value": 40.0} if number in {4, 8} and day == 5 else {}
                refused = {"consent": False} if number == 12 else {}
                ts = START + day * DAY_MS + 1000 * number
                events.append(click(len(events), f"v{number}", ts, **own, **refused))
    return events


def test_those_about_to_be_lost_are_published(broker, running):
    events = visits()
    with running.dealing_with(len(events)):
        send(broker, running.names.clicks, encoded(events))
    at = ["--as-of", str(START + 25 * DAY_MS), "--min-probability", "0.2"]
    topic = running.names.lapsing_visitors

    dry = pathcast(running, *at, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"19 of {VISITORS - 1} visitors not published" in dry.stdout
    assert read(broker, topic) == []

    done = pathcast(running, *at)
    assert done.returncode == 0, done.stderr
    found = {one["visitor_id"]: one for one in decoded(broker, topic)}
    assert set(found) == {f"v{number}" for number in range(0, VISITORS, 4)} - {"v12"}
    assert (found["v4"]["orders"], found["v4"]["value"], found["v0"]["value"]) == (1, 40.0, 0.0)
    assert {one["as_of"] for one in found.values()} == {START + 25 * DAY_MS}
    assert all(0.2 <= one["lost_probability"] <= 1 for one in found.values())

    places = {record.key: record.partition for record in read(broker, running.names.clicks)}
    records = read(broker, topic)
    assert all(places[record.key] == record.partition for record in records)

    again = pathcast(running, *at, "--limit", "2")
    assert again.returncode == 0, again.stderr
    latest = [json.loads(record.value) for record in read(broker, topic)]
    assert len(latest) == len(records) + 2
    repeated = [one for one in latest if latest.count(one) == 2]
    assert {one["visitor_id"] for one in repeated} == {"v4", "v8"}

    nobody = pathcast(running, *at, "--absent-from", "40")
    assert nobody.returncode == 2
    assert "give a smaller one" in nobody.stderr


def test_without_a_state_the_command_says_so(running):
    done = subprocess.run(
        [Path(sys.executable).parent / "pathcast", "score-lapsing"],
        env=running.environment | {"PATHCAST_APPLICATION_ID": "nobody-ever"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nobody-ever-state-changelog" in done.stderr
    assert "Traceback" not in done.stderr
