"""Refused inputs: written as the worker writes them, listed, shown and sent again."""

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer

from deploy.cli import main
from deploy.cluster.clients import consumer, drain, producer
from deploy.cluster.dead_letters import read, resend
from models.contract.events import Reason
from streams.texts.dead_letter import encode_dead_letter
from tests.e2e.worker import send, settle

BAD = b'{"event": "vi\xff\x00ew"'


def refuse(broker, topics, value, reason, key=b"visitor", headers=()):
    """Send an input to clicks and write its dead letter in a transaction, as a worker does."""
    with producer(broker) as client:
        at = client.send(topics.clicks, value, key, list(headers), 1, 1_600_000_000_123).get(10)
    with consumer(broker) as client:
        record = next(record for record in drain(client, topics.clicks, 1) if record.offset == at.offset)
    answer_key, answer, answer_headers = encode_dead_letter(
        record, topics.clicks, 1, reason, "found x, expected y"
    )
    worker = KafkaProducer(**broker.kafka_python(), transactional_id=f"{topics.clicks}-{at.offset}")
    worker.init_transactions()
    worker.begin_transaction()
    worker.send(topics.dead_letters, answer, answer_key, answer_headers, 1)
    worker.commit_transaction()
    worker.close()


@pytest.fixture
def command(broker, topics, monkeypatch):
    """Runs `pathcast dead-letters …` on this test's topics."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_DEAD_LETTERS", topics.dead_letters)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, ["dead-letters", *map(str, arguments)])


def test_bytes_key_and_headers_come_back_unchanged(broker, topics):
    refuse(
        broker, topics, BAD, Reason.MALFORMED, headers=[("trace", b"\x01"), ("reason", b"the producer's own")]
    )
    (found,) = read(broker, topics.dead_letters)
    assert (found.reason, found.message) == ("malformed", "found x, expected y")
    assert (found.value, found.key, found.source_timestamp) == (BAD, b"visitor", 1_600_000_000_123)
    assert (found.source_topic, found.source_partition) == (topics.clicks, 1)
    assert found.headers == [("trace", b"\x01"), ("reason", b"the producer's own")]


def test_records_of_others_on_the_topic_are_passed_over(broker, topics):
    with producer(broker) as client:
        client.send(topics.dead_letters, b"hello", b"x", [("reason", b"none of yours")])
    assert list(read(broker, topics.dead_letters)) == []


def test_list_counts_by_reason(broker, topics, command):
    for reason in (Reason.MALFORMED, Reason.LATE, Reason.LATE):
        refuse(broker, topics, BAD, reason)
    listed = command("list").output
    assert [line.split() for line in listed.splitlines()[:3]] == [
        ["late", "2"],
        ["malformed", "1"],
        ["in", "all", "3"],
    ]
    # In a pipe a letter is one line, however long its key.
    assert sum("found x, expected y" in line and "│" in line for line in listed.splitlines()) == 3
    assert "malformed" not in command("list", "--reason", "late").output


def test_show_prints_text_and_hex(broker, topics, command):
    refuse(broker, topics, BAD, Reason.MALFORMED)
    (found,) = read(broker, topics.dead_letters)
    shown = command("show", "--partition", found.partition, "--offset", found.offset).output
    assert '{"event": "vi\\xff' in shown
    assert "7b 22 65 76" in shown
    missing = command("show", "--partition", 1, "--offset", 99_999)
    assert missing.exit_code == 1
    assert "no dead letter at partition 1, offset 99999" in missing.output


def test_replay_sends_the_original_again_and_says_from_where(broker, topics, command):
    refuse(broker, topics, BAD, Reason.LATE, headers=[("original-time", b"7")])
    refuse(broker, topics, b"other", Reason.INVALID)
    sent = command("replay", "--reason", "late")
    assert "1 sent again" in sent.output, sent.output
    with consumer(broker) as client:
        original, _, again = drain(client, topics.clicks, 1)
    assert (again.value, again.key, again.timestamp) == (original.value, original.key, original.timestamp)
    assert again.headers == [
        ("original-time", b"7"),
        ("replayed-from", f"{topics.dead_letters}/1/0".encode()),
        ("replay-attempt", b"1"),
    ]
    assert command("replay").exit_code == 2


def test_the_largest_input_can_be_sent_again(broker, topics):
    largest = b"x" * 1_040_000
    refuse(broker, topics, largest, Reason.TOO_LARGE)
    assert resend(broker, topics.dead_letters, read(broker, topics.dead_letters)) == 1
    with consumer(broker) as client:
        assert [record.value for record in drain(client, topics.clicks)] == [largest, largest]


def test_what_a_worker_refuses_again_is_one_entry_that_says_so(running, command, monkeypatch):
    names = running.names
    monkeypatch.setenv("PATHCAST_TOPIC_DEAD_LETTERS", names.dead_letters)
    with running.dealing_with(2):
        send(running.broker, names.clicks, [(b"visitor", BAD), (b"visitor", b"{}")])
    settle(running.broker, names.dead_letters)
    first = next(one for one in read(running.broker, names.dead_letters) if one.value == BAD)
    for times in (1, 2, 3):
        with running.dealing_with(1):
            sent = command("replay", "--reason", "malformed")
            assert "1 sent again" in sent.output, sent.output
        settle(running.broker, names.dead_letters)
        listed = command("list").output
        assert [line.split()[-1] for line in listed.splitlines()[:4]] == ["1", "1", "2", "1"], listed
        plural = "s" if times > 1 else ""
        assert listed.count(f"replayed {times} time{plural}, still refused") == 1
    letters = [one for one in read(running.broker, names.dead_letters) if one.value == BAD]
    assert [one.attempt for one in letters] == [0, 1, 2, 3]
    assert {one.replay_of(names.dead_letters) for one in letters[1:]} == {first.place}
    last = letters[-1]
    shown = command("show", "--partition", last.partition, "--offset", last.offset).output
    assert "replayed 3 times, still refused" in shown
