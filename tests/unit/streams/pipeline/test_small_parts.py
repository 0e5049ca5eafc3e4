"""Letters, routing, chunks, rules, logs, preflight: the small parts around a chunk."""

import json
import logging
import subprocess
import sys

import pytest
from kafka.partitioner.default import murmur2 as javas
from pydantic import ValidationError

from models.contract.events import Reason
from models.errors import PathcastError
from models.sessions.lifecycle import SessionConfig
from models.state.panes import PaneConfig
from streams.config.connection import Connection
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.errors import SetUpError
from streams.inputs import chunks
from streams.inputs.chunks import Epoch
from streams.partition_state.cache import describe
from streams.service import preflight
from streams.texts import dead_letter
from streams.transport.routing import home
from tests.offline import Offline, Record


def test_a_letter_keeps_the_bytes_and_says_where_they_came_from():
    record = Record(7, 99, b"k\xff", b"v\x00", (("trace", b"1"), ("reason", b"theirs")))
    key, value, headers = dead_letter.encode_dead_letter(record, "clicks", 3, Reason.LATE, "found x \udcff")
    assert (key, value) == (b"k\xff", b"v\x00")
    assert headers[:7] == [
        ("reason", b"late"),
        ("message", b"found x ?"),
        ("source-topic", b"clicks"),
        ("source-partition", b"3"),
        ("source-offset", b"7"),
        ("source-timestamp", b"99"),
        ("cut", b"no"),
    ]
    assert headers[7:] == [("trace", b"1"), ("reason", b"theirs")]


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [(None, None, (None, b"")), (b"k", None, (b"k", None)), (None, b"v", (None, b"v"))],
)
def test_a_letter_has_a_key_or_a_value(key, value, kept):
    assert (
        dead_letter.encode_dead_letter(Record(0, 0, key, value), "clicks", 0, Reason.MALFORMED, "m")[:2]
        == kept
    )


@pytest.mark.parametrize("key", [b"", b"a", b"visitor-17", "žluť".encode(), b"\xff" * 40])
def test_home_is_where_the_java_clients_partitioner_sends_a_key(key):
    assert home(key, 7) == (javas(key) & 0x7FFFFFFF) % 7


def test_a_chunk_is_shaped_like_one_record_whose_value_is_itself():
    tp = type("TP", (), {"topic": "clicks", "partition": 2})
    chunk = chunks.make(tp, (5, 9), [Record(5, 11, b"", b""), Record(7, 13, b"", b"")], Epoch(1, 2), 0.5)
    assert (chunk.offset, chunk.timestamp, chunk.start, chunk.end) == (8, 13, 5, 9)
    assert chunk.value is chunk
    empty = chunks.make(tp, (9, 12), (), Epoch(1, 2), 0.5)
    assert (empty.offset, empty.timestamp, empty.value.records) == (11, None, ())


def test_rules_follow_the_settings():
    settings = WorkerSettings(session_gap_minutes=2, pane_hours=5, deadline_ms=70, attribution_hours=1)
    rules = ProcessingConfig(TopicNames(), 4, settings)
    assert rules.session.gap_ms == 120_000
    assert rules.session.exposure.attribution_ms == 3_600_000
    assert rules.panes == PaneConfig(retention_ms=5 * 3_600_000)
    assert (rules.settings.deadline_ms, rules.partitions) == (70, 4)
    assert rules.recent_visitors == settings.recent_visitors // 4


def test_default_settings_are_the_states_own_defaults():
    rules = ProcessingConfig(TopicNames(), 1, WorkerSettings())
    assert rules.session == SessionConfig()
    assert rules.panes == PaneConfig()


def test_times_that_contradict_each_other_are_refused():
    with pytest.raises(PathcastError, match="gap"):
        ProcessingConfig(TopicNames(), 1, WorkerSettings(session_gap_minutes=3_000, churn_days=1))


@pytest.mark.parametrize("name", ["session_gap_minutes", "idle_seconds", "deadline_ms", "churn_days"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e300"])
def test_settings_that_no_clock_reaches_are_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        WorkerSettings(**{name: value})


def test_describing_a_state_gives_json():
    found = describe({"a": b"\x01", 2: [(b"\x02", None)], "n": 1.5})
    assert json.loads(json.dumps(found)) == {"a": "01", "2": [["02", None]], "n": 1.5}


def test_a_record_that_cannot_be_processed_becomes_a_letter():
    offline = Offline()
    work = type("Work", (), {"records": [Record(3, 4, b"k", b"v")], "partition": 0, "watermark": 77})
    effects = offline.pipeline.reject(work, ValueError("odd"))
    ((key, value, headers),) = effects.outputs["clicks-dead-letter"]
    assert (key, value, dict(headers)["reason"]) == (b"k", b"v", b"invalid")
    assert b"ValueError: odd" in dict(headers)["message"]
    assert (effects.watermark, effects.state) == (77, [])


def test_a_folder_is_made_where_there_is_none(tmp_path):
    made = preflight.check_folder(tmp_path / "a" / "b")
    assert made.is_dir()
    assert list(made.iterdir()) == []


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SetUpError, match="PATHCAST_DATADIR"):
        preflight.check_folder(tmp_path / "file" / "data")


def counts(monkeypatch, found):
    monkeypatch.setattr(
        preflight, "_partitions", lambda connection, topics: {**dict.fromkeys(topics, 1), **found}
    )
    return preflight.check_topics(Connection(), TopicNames())


def test_the_topic_of_keys_is_wanted_where_answers_are_sealed(monkeypatch):
    monkeypatch.setattr(
        preflight, "_partitions", lambda _, names: {name: int(name != "visitor-keys") for name in names}
    )
    assert preflight.check_topics(Connection(), TopicNames()) == 1
    with pytest.raises(SetUpError, match="missing topics: visitor-keys; run `pathcast topics`"):
        preflight.check_topics(Connection(), TopicNames(), sealing=True)


def test_topics_that_fit_give_their_partitions(monkeypatch):
    assert counts(monkeypatch, dict.fromkeys(TopicNames().by_visitor, 6)) == 6


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"items": 0, "clicks": 0}, ("missing topics: clicks, items", "pathcast topics")),
        ({"clicks": 4}, ("clicks: 4", "ad-decisions: 1", "pathcast topics --mend")),
        ({"items": 2}, ("broadcast", "items: 2", "Delete them")),
    ],
)
def test_topics_that_do_not_fit_are_refused(monkeypatch, found, words):
    with pytest.raises(SetUpError) as refused:
        counts(monkeypatch, found)
    for word in words:
        assert word in str(refused.value)


LOGGING = """
import logging, sys, structlog
from streams import logging_setup as logs
logs.configure(sys.argv[1], sys.argv[2])
structlog.get_logger("pathcast.test").info("started", partitions=4)
structlog.get_logger("pathcast.test").warning("slow")
logging.getLogger("some.library").error("it said %s", "so")
logging.getLogger("aiokafka").info("chatter")
"""


def written(level, form):
    command = [sys.executable, "-c", LOGGING, level, form]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_log_lines_are_json_objects_the_libraries_too():
    started, slow, library = map(json.loads, written("info", "json"))
    assert (started["event"], started["partitions"], started["level"]) == ("started", 4, "info")
    assert slow["level"] == "warning"
    assert (library["event"], library["logger"]) == ("it said so", "some.library")
    assert all(line["timestamp"].endswith("Z") for line in (started, slow, library))


def test_log_lines_below_the_level_are_left_out():
    assert [json.loads(line)["event"] for line in written("error", "json")] == ["it said so"]
    assert logging.getLevelName(logging.ERROR) == "ERROR"


def test_log_lines_for_people_are_text():
    lines = written("info", "console")
    assert len(lines) == 3
    assert "partitions" in lines[0]
    assert not lines[0].startswith("{")
