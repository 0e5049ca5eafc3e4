"""Everything that goes wrong on the way in: each has its fate, and none stops or bloats the worker."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from deploy.cluster.clients import admin, producer
from deploy.cluster.dead_letters import parse
from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e.worker import REPLAYED, START, Worker, click, decoded, encoded, read, send

YEAR_MS = 365 * 86_400_000
ANSWERED = "answered"
MEGABYTE = 1 << 20


class Bad(NamedTuple):
    """An input and its fate: a reason, or ANSWERED."""

    name: str
    fate: str
    value: bytes | None
    key: bytes | None = b"bad"
    headers: Any = REPLAYED
    timestamp: int | None = None


def of(name: str, fate: str, drop: str = "", **fields: Any) -> Bad:
    """A valid event of the visitor "bad", but for `fields` and the one left out."""
    event = click(0, "bad") | {"event_id": name, "ts": START} | fields
    event.pop(drop, None)
    return Bad(name, fate, json.dumps(event).encode())


def raw(name: str, fate: str, before: bytes, after: bytes) -> Bad:
    """A valid event in whose JSON something was replaced."""
    valid = of(name, fate, price=5).value or b""
    assert before in valid
    return Bad(name, fate, valid.replace(before, after))


BAD = (
    Bad("no JSON", "malformed", b'{"event": "view_item", '),
    Bad("no text", "malformed", b"\xff\xfe\x00"),
    Bad("an array", "malformed", b"[1, 2, 3]"),
    Bad("empty value", "malformed", b""),
    Bad("no value", "malformed", None),
    Bad("1 MB of text", "too_large", b"x" * MEGABYTE),
    of("1 MB event", "too_large", page="x" * MEGABYTE),
    of("no event id", "invalid", drop="event_id"),
    of("visitor is an object", "invalid", visitor_id={"id": 1}),
    of("time is a list", "invalid", ts=[START]),
    raw("time is NaN", "invalid", str(START).encode(), b"NaN"),
    raw("time is infinite", "invalid", str(START).encode(), b"1e999"),
    of("unknown event", "invalid", event="sneeze"),
    of("schema of tomorrow", "unknown_schema", schema_version=2),
    of("missing key", "missing_key")._replace(key=None),
    of("empty key", "missing_key")._replace(key=b""),
    of("another's key", "key_mismatch")._replace(key=b"somebody else"),
    of("key is no text", "key_mismatch")._replace(key=b"\xff"),
    of("clock a year ahead", "skewed", ts=START + YEAR_MS)._replace(headers=[], timestamp=START),
    of("clock a year behind", "skewed", ts=START - YEAR_MS)._replace(headers=[], timestamp=START),
    raw("price is NaN", ANSWERED, b'"price": 5', b'"price": NaN'),
    raw("price is infinite", ANSWERED, b'"price": 5', b'"price": -Infinity'),
    of("price is a list", ANSWERED, price=[5]),
    of("negative price", ANSWERED, price=-5),
    of("enormous price", ANSWERED, price=1e300),
    of("unknown item", ANSWERED, item_id="never heard of"),
    of("unknown fields", ANSWERED, flags=7, nested={"a": [1]}),
    of("seconds as text", ANSWERED, ts=str(START // 1000)),
    of("another's names", ANSWERED, event="Add To Cart"),
    of("long page", ANSWERED, page="x" * 100_000),
    of("an hour before", "late", ts=START - 3_600_000),
)


@pytest.fixture(scope="module")
def running(broker: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker whose clicks may have up to 1.5 MB, and which has been sent everything in BAD."""
    names = topic_names()
    with admin(broker) as client:
        config = {"max.message.bytes": str(3 * MEGABYTE // 2)}
        client.create_topics(
            {names.clicks: {"num_partitions": 2, "replication_factor": -1, "configs": config}}
        )
    ensure(broker, names, partitions=2)
    with Worker(broker, names, tmp_path_factory.mktemp("worker")) as worker:
        with worker.dealing_with(len(BAD)):
            send_bad(broker, names.clicks)
        yield worker


def send_bad(broker, topic):
    with producer(broker, max_request_size=4 * MEGABYTE) as client:
        for bad in BAD:
            client.send(topic, bad.value, bad.key, bad.headers, 0, bad.timestamp)


@pytest.fixture(scope="module")
def letters(broker: Connection, running: Worker) -> dict[int, Any]:
    """Records of the dead letters by the offset of their input."""
    found = [(parse(record), record) for record in read(broker, running.names.dead_letters)]
    assert all(letter is not None and letter.source_partition == 0 for letter, _ in found)
    assert len(found) == sum(bad.fate != ANSWERED for bad in BAD)
    return {letter.source_offset: record for letter, record in found if letter is not None}


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.fate != ANSWERED], ids=lambda bad: bad.name)
def test_refused_input_is_a_dead_letter_with_its_reason_and_its_bytes(bad, letters):
    record = letters[BAD.index(bad)]
    letter = parse(record)
    assert (letter.reason, record.key, record.value) == (bad.fate, bad.key, bad.value)
    assert letter.headers == bad.headers
    assert len(letter.message) > 20


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.fate == ANSWERED], ids=lambda bad: bad.name)
@pytest.mark.parametrize("role", ["purchase_intent", "recommendations", "ad_decisions"])
def test_readable_input_is_answered(broker, running, bad, role):
    answers = decoded(broker, getattr(running.names, role))
    assert [one["visitor_id"] for one in answers if one["event_id"] == bad.name] == ["bad"]


def test_metrics_count_every_fate(running):
    expected = Counter(bad.fate for bad in BAD)
    metrics = running.metrics()
    for reason in set(expected) - {ANSWERED}:
        assert metrics[f'pathcast_dead_letters_total{{reason="{reason}"}}'] == expected[reason], reason
    assert metrics["pathcast_events_total"] == expected[ANSWERED]
    assert metrics['pathcast_dropped_fields_total{field="price"}'] == 3


def test_a_thousand_events_of_one_visitor_at_once(broker, running):
    events = [click(number, "busy", START + number) for number in range(1000)]
    with running.dealing_with(1000):
        send(broker, running.names.clicks, encoded(events))
    found = [one for one in decoded(broker, running.names.purchase_intent) if one["visitor_id"] == "busy"]
    assert [one["event_id"] for one in found] == [event["event_id"] for event in events]
    assert [one["session_clicks"] for one in found] == list(range(1, 1001))


def test_ids_repeated_across_chunks_are_counted_and_answered_by_nothing(broker, running):
    events = encoded(click(number, "again", START + number) for number in range(10))
    before = running.total("pathcast_duplicates_total")
    for pairs in (events, events[5:], [*events, *events]):
        with running.dealing_with(len(pairs)):
            send(broker, running.names.clicks, pairs)
    assert running.total("pathcast_duplicates_total") == before + 25
    found = [one for one in decoded(broker, running.names.ad_decisions) if one["visitor_id"] == "again"]
    assert len(found) == 10


def test_a_bot_with_100_000_events_in_a_session_has_a_bounded_state(broker, running):
    count = 100_000
    events = (
        click(
            number, "bot", START + 10 * number, event_id=f"b{number}", item_id=f"i{number}", page=f"/{number}"
        )
        for number in range(count)
    )
    answered = running.total("pathcast_events_total")
    with running.dealing_with(count, seconds=300):
        send(broker, running.names.clicks, encoded(events))
    assert running.total("pathcast_events_total") == answered + count
    changelog = f"{running.names.clicks}-state-changelog"
    sizes = [len(one.value) for one in read(broker, changelog) if one.key == b"vbot"]
    assert len(sizes) > 10
    assert max(sizes) < 8192
    state = json.loads(running.get("/visitors/bot")[1])["state"]
    assert state["in_session"] <= 10_000


def test_the_worker_still_answers(broker, running):
    for partition in (0, 1):
        with running.dealing_with(1):
            last = click(0, "bad", event_id=f"last {partition}", ts=START + 86_400_000)
            send(broker, running.names.clicks, encoded([last]), partition)
    answers = json.loads(running.get("/visitors/bad")[1])["answers"]
    assert {json.loads(answer)["event_id"] for answer in answers} <= {"last 0", "last 1"}
    assert len(answers) == 3
