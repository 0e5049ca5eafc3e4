"""The topic `analytics` counts each click once, through kills -9 and rebalances."""

import json
import subprocess
from collections import Counter, defaultdict
from random import Random

import pytest

from deploy.cluster.clients import consumer, drain
from models.analytics.merging import AnalyticsPanes
from tests.e2e.worker import START, Worker, click, encoded, read, send, settle

EVENTS = ("view_item", "view_item", "search", "add_to_cart", "begin_checkout", "purchase")
DEVICES = ("mobile", "desktop")
VISITORS, CLICKS, BATCH, PARTITIONS = 200, 4_000, 250, 4
HOUR = 3_600_000


def shopping():
    """Clicks one second apart, of visitors in turn by chance, whose device is always the same."""
    draw = Random(3)
    for number in range(CLICKS):
        visitor, event = draw.randrange(VISITORS), draw.choice(EVENTS)
        fields = {"event": event, "device": DEVICES[visitor % 2]}
        if event == "search":
            fields["result_count"] = draw.choice((0, 7))
        if event == "purchase":
            fields["transaction_id"] = f"t{number}"
        yield click(number, f"v{visitor}", **fields)


def exact(clicks):
    """Counts by segment and group, session by session: a gap of 30 minutes ends one."""
    made, sessions = defaultdict(Counter), {}
    for one in clicks:
        before = sessions.get(one["visitor_id"])
        for segment in ("all", f"device={one['device']}"):
            made[segment, "events"][one["event"]] += 1
            if before is None or one["ts"] - before[-1]["ts"] > HOUR // 2:
                made[segment, "sessions"]["started"] += 1
            else:
                made[segment, "steps"][f"{before[-1]['event']}>{one['event']}"] += 1
            if one["event"] == "search":
                made[segment, "searches"]["reported"] += 1
                made[segment, "searches"]["empty"] += one["result_count"] == 0
        over = before is None or one["ts"] - before[-1]["ts"] > HOUR // 2
        sessions[one["visitor_id"]] = [one] if over else [*before, one]
    return made


def published(broker, topic):
    settle(broker, topic)
    panes = AnalyticsPanes()
    with consumer(broker) as client:
        for record in drain(client, topic):
            panes.take(record.key, record.value)
    return panes.window(0, START + 100 * HOUR)


def disturbed(broker, topics, workers, clicks):
    """Send all clicks; meanwhile the second worker comes and goes, and the first one is killed twice."""
    first, second = workers
    for at in range(0, CLICKS, BATCH):
        send(broker, topics.clicks, encoded(clicks[at : at + BATCH]))
        if at == 4 * BATCH:
            second.start().wait_ready()
        if at in (6 * BATCH, 10 * BATCH):
            first.kill()
            first.start()
        if at == 12 * BATCH:
            assert second.stop() == 0
    first.wait_ready()


def answered(broker, topics, count):
    """Whether so many clicks have been answered."""
    return len(read(broker, topics.ad_decisions)) >= count


def end_sessions(broker, topics):
    """A visitor in each partition who comes so late that all others' sessions have ended."""
    for number in range(PARTITIONS):
        late = click(CLICKS + number, f"late{number}", START + 9 * HOUR, event="login", device="desktop")
        send(broker, topics.clicks, encoded([late]), partition=number)


def counted(window):
    """How many clicks there are."""
    return sum(window.flows["all"].events.values()) if window.flows else 0


def ended(window):
    """Whether all sessions have ended but those of the visitors who came late."""
    sessions = window.flows["all"].sessions
    return sessions.get("ended", 0) == sessions["started"] - PARTITIONS


def told_by_command(worker):
    """Clicks by event and segment, as `pathcast paths` prints them."""
    command = (worker.command[0], "paths", "--last", "24h", "--by", "device", "--json")
    done = subprocess.run(command, env=worker.environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {one["segment"]: one["flows"]["events"] for one in json.loads(done.stdout)["segments"]}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_analytics_are_exact_through_kills_and_rebalances(broker, topics, tmp_path):
    settings = {"session_timeout_seconds": 6, "analytics_seconds": 0.1, "idle_seconds": 1}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    workers = [Worker(broker, topics, folder, **settings) for folder in folders]
    clicks = list(shopping())
    with workers[0] as first:
        disturbed(broker, topics, workers, clicks)
        first.wait(lambda: answered(broker, topics, CLICKS), "clicks are missing")
        first.wait(
            lambda: counted(published(broker, topics.analytics)) >= CLICKS, "clicks are not counted", 60
        )
        before = published(broker, topics.analytics)
        end_sessions(broker, topics)
        first.wait(lambda: answered(broker, topics, CLICKS + PARTITIONS), "the last clicks are missing")
        first.wait(lambda: ended(published(broker, topics.analytics)), "sessions have not ended", 90)
    for (segment, group), counts in exact(clicks).items():
        found = dict(getattr(before.flows[segment], group))
        kept = {name: found.get(name, 0) for name in counts}
        assert kept == counts, (segment, group)
    after = published(broker, topics.analytics)
    assert after.paths["all"].total == after.flows["all"].sessions["ended"]
    assert after.partitions == set(range(PARTITIONS))
    assert told_by_command(first) == {
        f"device={name}": after.flows[f"device={name}"].events for name in DEVICES
    }
