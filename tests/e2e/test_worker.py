"""The worker from outside: three answers per click, exactly once, over restarts; and its endpoints."""

import json
import time
from collections import Counter
from importlib import resources

import pytest
from kafka import KafkaConsumer, TopicPartition

from deploy.cluster.clients import producer
from models.decisions.actions import ActionSet
from models.decisions.verify import Verifier
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.worker import ROLES, START, Worker, click, decoded, encoded, read, send

COUNT = 600
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def shopping(count=COUNT, visitors=37, first=0):
    return [click(number, f"v{number % visitors}") for number in range(first, first + count)]


def counted(broker, names):
    """How often each event was answered, by role."""
    return {role: Counter(one["event_id"] for one in decoded(broker, getattr(names, role))) for role in ROLES}


def once(count):
    return {role: Counter(f"e{number}" for number in range(count)) for role in ROLES}


@pytest.fixture(scope="module")
def answered(broker: Connection, running: Worker) -> Worker:
    """The module's worker after it has answered COUNT clicks."""
    with running.dealing_with(COUNT):
        send(broker, running.names.clicks, encoded(shopping()))
    return running


def test_each_click_is_answered_three_times_exactly_once(broker, answered):
    assert counted(broker, answered.names) == once(COUNT)


@pytest.mark.parametrize("role", ROLES)
def test_answers_keep_the_key_the_partition_and_the_order_of_their_clicks(broker, answered, role):
    sent, found = read(broker, answered.names.clicks), read(broker, getattr(answered.names, role))
    for partition in (0, 1):
        clicks, answers = events_of(sent, partition), events_of(found, partition)
        assert len(clicks) > 100
        assert answers[: len(clicks)] == clicks


def events_of(records, partition):
    return [(one.key, json.loads(one.value)["event_id"]) for one in records if one.partition == partition]


def test_every_published_decision_can_be_recomputed(broker, answered):
    text = (resources.files("deploy") / "data" / "actions.toml").read_text()
    verifier = Verifier(ActionSet.load(text))
    assert [
        one for record in decoded(broker, answered.names.ad_decisions) for one in verifier.differences(record)
    ] == []


def test_endpoints_tell_of_life_readiness_metrics_and_visitors(answered):
    assert answered.get("/healthz") == (200, '{"status": "alive"}')
    status, ready = answered.get("/readyz")
    assert (status, set(json.loads(ready).values())) == (200, {True})
    assert {"assigned", "recovered", f"{answered.names.items} read"} < set(json.loads(ready))
    status, body = answered.get("/visitors/v0")
    known = json.loads(body)
    assert (status, known["state"]["sessions"], known["state"]["in_session"]) == (200, 1, 17)
    assert [json.loads(one)["event_id"] for one in known["answers"]] == ["e592"] * 3
    assert answered.get("/visitors/nobody")[0] == 404


def test_metrics_name_all_that_is_promised(answered):
    names = {name.split("{")[0] for name in answered.metrics()}
    promised = "events_total chunk_records_sum stage_seconds_sum lag_records answers_total duplicate_total"
    promised += " misrouted_total models_refused_total recovery_seconds ready watermark_seconds funnel_total"
    assert {f"pathcast_{name}" for name in promised.split()} <= names
    assert answered.metrics()['pathcast_events_by_type_total{event="view_item"}'] >= COUNT


def test_a_click_in_another_partition_is_answered_there_and_counted(broker, answered):
    before = answered.total("pathcast_misrouted_total")
    wrong = [click(number, "stranger", ts=START + number) for number in range(10_000, 10_020)]
    with answered.dealing_with(40):
        for partition in (0, 1):
            renamed = [one | {"event_id": f"{one['event_id']}-{partition}"} for one in wrong]
            send(broker, answered.names.clicks, encoded(renamed), partition)
    assert answered.total("pathcast_misrouted_total") == before + 20
    found = [one for one in read(broker, answered.names.purchase_intent) if one.key == b"stranger"]
    assert Counter((one.partition, json.loads(one.value)["event_id"][-1]) for one in found) == {
        (0, "0"): 20,
        (1, "1"): 20,
    }


def test_the_catalogue_fills_in_what_a_click_leaves_out(broker, answered):
    names = answered.names
    send(broker, names.items, [(b"lamp", b'{"category": "light", "price": 20, "brand": "acme"}')], acks="all")
    answered.wait(lambda: versions(answered, broker) != {"0" * 16}, "the catalogue was not read")
    seen = [click(30_000 + n, "light-lover", item_id="lamp", ts=START + HOUR_MS + n) for n in range(3)]
    with answered.dealing_with(3):
        send(broker, names.clicks, encoded(seen))
    with answered.dealing_with(1):
        send(broker, names.clicks, encoded([click(30_010, "light-lover", item_id="other", category="light")]))
    last = next(one for one in decoded(broker, names.recommendations) if one["event_id"] == "e30010")
    assert last["rung"] == "popular_in_category"
    assert last["items"][0]["item_id"] == "lamp"


_probes = iter(range(20_000, 30_000))


def versions(worker, broker):
    """Catalogue versions in the answers to one more click."""
    number = next(_probes)
    with worker.dealing_with(1):
        send(broker, worker.names.clicks, encoded([click(number, f"probe{number}", ts=START)]))
    known = json.loads(worker.get(f"/visitors/probe{number}")[1])
    return {json.loads(one)["catalogue_version"] for one in known["answers"]}


def test_sigterm_drains_and_commits_and_a_restart_goes_on(broker, topics, tmp_path):
    half, names = 3000, topics
    worker = Worker(broker, names, tmp_path)
    with worker:
        send(broker, names.clicks, encoded(shopping(half)))
        worker.wait(lambda: worker.total("pathcast_events_total") > 0, "no answer")
        assert worker.stop() == 0
        first = counted(broker, names)
        # What is committed is complete: no click has one answer and lacks another.
        assert first["purchase_intent"] == first["recommendations"] == first["ad_decisions"]
        send(broker, names.clicks, encoded(shopping(half, first=half)))
        again = encoded(shopping(37, first=half - 37))
        send(broker, names.clicks, again)
    rest = 2 * half - sum(first["purchase_intent"].values())
    worker.start().wait_ready()
    worker.wait(lambda: worker.total("pathcast_events_total") >= rest, "clicks are missing")
    worker.wait(
        lambda: worker.total("pathcast_duplicates_total", "pathcast_dead_letters_total") >= 37, "repeats"
    )
    assert counted(broker, names) == once(2 * half)
    assert worker.stop() == 0
    assert committed(broker, names) == ends(broker, names)


def committed(broker, names):
    client = KafkaConsumer(**broker.kafka_python(), group_id=names.clicks, enable_auto_commit=False)
    parts = [TopicPartition(names.clicks, number) for number in range(4)]
    found = {part.partition: client.committed(part) for part in parts}
    client.close(autocommit=False)
    return found


def ends(broker, names):
    client = KafkaConsumer(**broker.kafka_python(), group_id=None)
    parts = [TopicPartition(names.clicks, number) for number in range(4)]
    found = {part.partition: end for part, end in client.end_offsets(parts).items()}
    client.close()
    return found


def test_event_ids_repeated_across_a_kill_are_counted_duplicates(broker, topics, tmp_path):
    with Worker(broker, topics, tmp_path, session_timeout_seconds=6) as worker:
        with worker.dealing_with(74):
            send(broker, topics.clicks, encoded(shopping(74)))
        worker.kill()
        worker.start().wait_ready()
        with worker.dealing_with(74):
            send(broker, topics.clicks, encoded(shopping(74)))
        assert worker.total("pathcast_duplicates_total") == 74
        assert counted(broker, topics) == once(74)


def test_sessions_of_an_idle_partition_end_by_the_clock(broker, topics, tmp_path):
    settings = {"idle_seconds": 1, "session_gap_minutes": 0.01, "check_skew": "false"}
    with Worker(broker, topics, tmp_path, **settings) as worker:
        # Timers ring at whole minutes: this one soon after the last click, however long ago that was.
        past = (int(time.time() * 1000) - 2 * HOUR_MS) // MINUTE_MS * MINUTE_MS - 1_600
        with worker.dealing_with(1), producer(broker) as client:
            (key, value) = encoded([click(0, "gone", ts=past)])[0]
            client.send(topics.clicks, value, key).get(10)
        worker.wait(lambda: worker.total("pathcast_timers_total") > 0, "no session ended")
        assert json.loads(worker.get("/visitors/gone")[1])["state"]["ended"] is True


def test_readiness_waits_for_the_partitions(broker, topics: TopicNames, tmp_path):
    worker, seen = Worker(broker, topics, tmp_path), Counter()
    worker.start()
    try:
        while not seen[200]:
            assert worker.process.poll() is None, worker.said()
            try:
                status, conditions = worker.get("/readyz")
            except OSError:
                time.sleep(0.05)
                continue
            assert (status == 200) == all(json.loads(conditions).values())
            seen[status] += 1
            time.sleep(0.05)
        assert seen[503] > 0
    finally:
        worker.kill()
