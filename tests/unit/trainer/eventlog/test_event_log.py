"""The event log on memory and disk: rows say what Kafka held, and a commit is all or nothing."""

import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from models.contract.pseudonyms import NONCE_BYTES, Pseudonyms
from models.privacy.envelope import Envelopes
from models.privacy.erasure import FORGET, SEALED_ID
from models.privacy.keyring import Keyring
from tests.contract.examples import EXAMPLES
from tests.eventlogs import DAY, START, Record, buffer, click, filled, originals, rows
from trainer.eventlog.buffer import Buffer, Overtaken, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import Forgetting
from trainer.eventlog.log_tables import BY_NAME, CLICKS, TABLES
from trainer.eventlog.manifest import FOLDER, Manifest
from trainer.eventlog.place import EventLogError, LogLocation
from trainer.eventlog.rows import Rows
from trainer.eventlog.stats import stats


@pytest.fixture(params=["folder", "file", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> EventLog:
    """An empty log at every kind of place that is tested."""
    urls = {
        "folder": str(tmp_path / "log"),
        "file": f"file://{tmp_path}/log",
        "memory": f"memory://{uuid.uuid4()}",
    }
    return EventLog.at(urls[request.param])


ODD = [
    b"\xff\x00{",
    b"",
    None,
    b'{"event_id": "a"}',
    json.dumps(
        {"eventId": "a", "client_id": "v", "timestamp": "2023-11-14T22:13:20Z", "event": "view"}
    ).encode(),
    json.dumps({"event_id": "a", "visitor_id": "v", "ts": START, "event": "search", "own": 1}).encode(),
    json.dumps({"event_id": "a", "visitor_id": "v", "ts": START, "event": "search", "price": 1e11}).encode(),
    json.dumps({"event_id": "a", "visitor_id": "another", "ts": START, "event": "search"}).encode(),
]


@pytest.mark.parametrize("value", ODD)
def test_bytes_that_columns_do_not_repeat_are_kept(value: bytes | None) -> None:
    frame = Rows(CLICKS).frame([Record(1, 5, START, b"v", value, [("trace", b"\x00")])])
    assert originals(frame, CLICKS) == [(1, 5, b"v", value, [["trace", b"\x00"]])]


def test_a_well_formed_click_is_kept_in_columns_alone() -> None:
    said: dict[str, Any] = {
        "event_id": "e",
        "visitor_id": "v",
        "ts": START,
        "event": "add_to_cart",
        "price": 3,
        "basket": ["a", "b"],
        "basket_prices": [2.5, None],
        "basket_quantities": [None, 4],
        "consent": False,
        "quantity": 2,
        "schema_version": 1,
    }
    frame = Rows(CLICKS).frame([Record(0, 0, START, b"v", json.dumps(said).encode())])
    assert frame["_bytes"].to_list() == frame["_key"].to_list() == frame["_headers"].to_list() == [None]
    assert originals(frame, CLICKS) == [(0, 0, b"v", said, [])]


@pytest.mark.parametrize("value", [b"{", b'{"event_id": "a", "unknown": 1}', None])
def test_an_answer_that_is_none_is_kept_as_bytes(value: bytes | None) -> None:
    for table in TABLES[1:]:
        frame = Rows(table).frame([Record(0, 0, START, b"v", value)])
        assert originals(frame, table) == [(0, 0, b"v", value, [])]


def test_no_rows_have_the_tables_columns_too() -> None:
    for table in TABLES:
        assert dict(Rows(table).frame([]).schema) == table.schema


def test_what_is_read_is_what_was_written(log: EventLog) -> None:
    records = [click(offset, f"v{offset % 3}") for offset in range(25)]
    filled(log, records)
    (manifest,) = log.manifests()
    found = [row for file in manifest.files for row in originals(log.read(file), CLICKS)]
    assert [(row[1], row[2], row[3]) for row in found] == [
        (record.offset, record.key, {**json.loads(record.value or b""), "schema_version": 1})
        for record in records
    ]
    assert (manifest.next, manifest.rows, manifest.kept) == (25, 25, 25)


def test_rows_lie_by_the_day_on_which_they_were_stamped(log: EventLog) -> None:
    filled(log, [click(0), click(1, ts=START + DAY), click(2)], each=3)
    (manifest,) = log.manifests()
    assert [(file.day, file.first, file.last, file.rows) for file in manifest.files] == [
        ("2023-11-14", 0, 2, 2),
        ("2023-11-15", 1, 1, 1),
    ]
    assert all(f"/day={file.day}/" in file.name for file in manifest.files)


def test_a_row_without_a_timestamp_belongs_to_the_day_of_its_commit(log: EventLog) -> None:
    filled(log, [click(0)._replace(timestamp=-1)])
    assert log.manifests()[0].files[0].day == "2023-11-14"


def test_a_batch_that_comes_again_is_written_once(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(10)])
    again = buffer(log)
    again.add([click(offset) for offset in range(13)])
    again.commit(0, START)
    assert rows(log) == [(0, offset) for offset in range(13)]


@pytest.mark.parametrize("killed_at", ["first file", "second file", "manifest"])
def test_a_kill_before_the_manifest_leaves_nothing_and_loses_nothing(
    log: EventLog, killed_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(log, [click(0)])
    names: list[str] = []
    real = {"write": LogLocation.write, "create": LogLocation.create}

    def write(self: LogLocation, name: str, content: bytes) -> None:
        if killed_at == "first file" or (killed_at == "second file" and names):
            raise KeyboardInterrupt
        names.append(name)
        real["write"](self, name, content)

    def create(self: LogLocation, name: str, content: bytes) -> None:
        raise KeyboardInterrupt

    batch = [click(1), click(2, ts=START + DAY)]
    with monkeypatch.context() as patch:
        patch.setattr(LogLocation, "write", write)
        patch.setattr(LogLocation, "create", create)
        writer = buffer(log)
        writer.add(batch)
        with pytest.raises(KeyboardInterrupt):
            writer.commit(0, START)
    assert rows(log) == [(0, 0)]
    again = buffer(log)
    again.add(batch)
    again.commit(0, START)
    assert rows(log) == [(0, 0), (0, 1), (0, 2)]


def test_of_two_writers_the_one_that_comes_late_is_refused(log: EventLog) -> None:
    filled(log, [click(0)])
    one, other = buffer(log), buffer(log)
    one.add([click(1), click(2)])
    other.add([click(1)])
    one.commit(0, START)
    with pytest.raises(Overtaken, match=r"clicks\[0\] is at .*3.*expected .*1.*one of them"):
        other.commit(0, START)
    assert rows(log) == [(0, 0), (0, 1), (0, 2)]


def test_a_writer_that_was_frozen_takes_nothing_back(log: EventLog) -> None:
    """Its number is free again once old manifests were tidied away; the highest number still holds."""
    filled(log, [click(0)])
    frozen = log.history("clicks", 0)
    number, stale = frozen._latest()
    filled(log, [click(offset) for offset in range(1, 9)], each=1)
    assert stale is not None
    frozen.place.create(frozen._name(number + 1), msgspec.json.encode(stale))
    assert rows(log) == [(0, offset) for offset in range(9)]
    filled(log, [click(9)])
    assert rows(log) == [(0, offset) for offset in range(10)]


def test_changes_at_the_same_time_are_made_one_after_the_other(log: EventLog) -> None:
    filled(log, [click(0)])
    history = log.history("clicks", 0)

    def slow(found: Manifest | None) -> Manifest:
        assert found is not None
        if found.next == 1:
            filled(log, [click(1)])
        return msgspec.structs.replace(found, expired=7)

    assert (history.commit(slow).next, history.commit(slow).expired) == (2, 7)


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "tab', b"\xff"])
def test_a_manifest_that_was_not_written_whole_is_as_if_it_were_not_there(
    log: EventLog, content: bytes
) -> None:
    filled(log, [click(0)])
    log.place.write(f"{FOLDER}/clicks/00000/{9:012}.json", content)
    assert rows(log) == [(0, 0)]
    filled(log, [click(0), click(1)])
    assert rows(log) == [(0, 0), (0, 1)]


def test_a_log_of_a_newer_program_is_refused(log: EventLog) -> None:
    log.place.write(f"{FOLDER}/clicks/00000/{1:012}.json", b'{"format": 2, "more": 1}')
    with pytest.raises(EventLogError, match="format 2, this program reads 1"):
        log.manifests()


def test_a_file_with_other_bytes_is_refused(log: EventLog) -> None:
    filled(log, [click(0)])
    file = log.manifests()[0].files[0]
    log.place.write(file.name, log.place.read(file.name)[:-1] + b"x")
    with pytest.raises(EventLogError, match="other bytes than were written"):
        log.read(file)
    log.place.remove(file.name)
    with pytest.raises(EventLogError, match=r"gone .* try again"):
        log.read(file)


@pytest.mark.parametrize("change", [{"topic_id": "two"}, {"end": 3}])
def test_a_topic_that_is_another_one_is_refused_until_it_is_accepted(
    log: EventLog, change: dict[str, Any]
) -> None:
    filled(log, [click(offset) for offset in range(5)])
    with pytest.raises(EventLogError, match=r"recreated or truncated.*--allow-recreated"):
        buffer(log, **change)
    accepted = buffer(log, **change, anew=True)
    accepted.add([click(0), click(1)])
    accepted.commit(0, START)
    assert (len(rows(log)), log.manifests()[0].next) == (7, 2)
    assert buffer(log, topic_id=change.get("topic_id", "one")).start == 2


def test_offsets_that_the_topic_dropped_unread_are_told(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(5)])
    late = buffer(log, begin=8)
    late.add([click(8), click(9)])
    late.commit(8, START)
    assert log.manifests()[0].gaps == ((5, 8),)
    assert stats(log)[0].lost == 3


def test_offsets_between_transactions_are_no_gap(log: EventLog) -> None:
    writer = buffer(log)
    writer.add([click(0), click(3), click(9)])
    writer.commit(0, START)
    assert log.manifests()[0].gaps == ()


def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder is to be")
    with pytest.raises(EventLogError, match="reachable, may be written, and has room"):
        filled(EventLog.at(str(tmp_path / "log")), [click(0)])


def test_a_place_that_cannot_be_made_is_explained() -> None:
    log = EventLog.at("/proc/nope")
    for write in (log.place.write, log.place.create):
        with pytest.raises(EventLogError, match="reachable, may be written, and has room"):
            write("a/b.json", b"")


def test_a_url_of_an_unknown_kind_is_explained() -> None:
    with pytest.raises(EventLogError, match="fsspec URL, and install its package"):
        EventLog.at("nowhere://bucket/log")


@pytest.mark.parametrize("name", ["purchase-intent", "recommendations", "ad-decisions"])
def test_answers_of_the_contract_are_kept_in_columns(name: str) -> None:
    for said in EXAMPLES["ad-decision" if name == "ad-decisions" else name]:
        frame = Rows(BY_NAME[name]).frame([Record(0, 0, START, b"v1", json.dumps(said).encode())])
        assert originals(frame, BY_NAME[name]) == [(0, 0, b"v1", said, [])]
        assert frame["_bytes"].to_list() == [None]


HIDDEN = Pseudonyms(b"s" * 32)
NAME = HIDDEN.visitor(b"v")


def test_with_pseudonyms_no_row_has_an_id() -> None:
    records = [Record(0, n, START, b"v", value, [("trace", b"v")]) for n, value in enumerate(ODD)]
    records.append(click(9, "v", user_id="anna@example.com"))
    frame = Rows(CLICKS, pseudonyms=HIDDEN).frame(records)
    assert frame["_bytes"].null_count() == frame["_headers"].null_count() == len(frame)
    named = frame.select(pl.coalesce("visitor_id", pl.col("_key").cast(pl.String)))
    assert set(named.to_series().to_list()) == {NAME}
    assert frame["user_id"].drop_nulls().to_list() == [HIDDEN.user(b"anna@example.com")]
    # What is refused is refused for the same reason.
    assert frame["_refused"].to_list() == Rows(CLICKS).frame(records)["_refused"].to_list()


def test_with_pseudonyms_the_row_of_a_request_has_the_pseudonym_of_its_visitor() -> None:
    plain = Record(0, 0, START, b"v", None, [(FORGET, b"r")])
    headers = [(FORGET, b"r"), (SEALED_ID, HIDDEN.seal(b"v", b"n" * NONCE_BYTES))]
    hidden = plain._replace(offset=1, key=NAME.encode(), headers=headers)
    forged = plain._replace(offset=2, headers=headers)
    frame = Rows(CLICKS, pseudonyms=HIDDEN).frame([plain, hidden, forged])
    assert frame["_key"].to_list() == [NAME.encode()] * 3


def test_with_pseudonyms_a_replay_is_still_one() -> None:
    record = click(0, "v")._replace(headers=[("trace", b"v"), ("original-time", b"1")])
    ((_, _, key, said, headers),) = originals(Rows(CLICKS, pseudonyms=HIDDEN).frame([record]), CLICKS)
    assert (key, said["visitor_id"]) == (NAME.encode(), NAME)
    assert headers == [["original-time", b"1"]]


def test_answers_have_pseudonyms_already() -> None:
    table = BY_NAME["purchase-intent"]
    value = json.dumps(EXAMPLES["purchase-intent"][0] | {"visitor_id": NAME}).encode()
    frame = Rows(table, pseudonyms=HIDDEN).frame([Record(0, 0, START, NAME.encode(), value)])
    assert frame["visitor_id"].to_list() == [NAME]
    assert frame["_key"].to_list() == [None]


MASTER = Envelopes(b"m" * 32)
KEY = MASTER.wrap(b"v", b"k" * 32, b"n" * 12)


def sealed(number: int) -> Record:
    value = json.dumps(EXAMPLES["purchase-intent"][0] | {"visitor_id": "v"}).encode()
    envelope = MASTER.unwrap(b"v", KEY)
    return Record(0, number, START, b"v", envelope.seal("purchase_intent", value, bytes(12)), [])


def test_a_sealed_answer_without_a_key_file_is_refused_and_says_what_to_set() -> None:
    with pytest.raises(EventLogError, match=r"purchase_intent\[0\] offset 7 is sealed.*ENVELOPE_KEY_FILE"):
        Rows(BY_NAME["purchase-intent"]).frame([sealed(7)])


def test_an_opened_answer_is_kept_a_damaged_one_as_it_came_and_an_erased_one_counted(log: EventLog) -> None:
    damaged = sealed(1)._replace(value=(sealed(1).value or b"")[:-1])
    records, ring = [sealed(0), damaged, sealed(2)], Keyring(MASTER)
    ring.take(0, b"v", KEY)

    def opened(role: str, found: Any) -> list[bytes | None]:
        values: list[bytes | None] = [ring.open(role, 0, b"v", found[0].value), found[1].value, None]
        return values

    table = BY_NAME["purchase-intent"]
    source = TopicSource("purchase-intent", "one", 0, 3)
    writer = Buffer.open(log, Rows(table, opened=opened), 0, source, Forgetting(log), False)
    writer.add(records)
    writer.commit(0, START)
    (manifest,) = log.manifests("purchase-intent")
    frame = pl.concat([log.read(file) for file in manifest.files])
    assert frame.select("_offset", "visitor_id", "_refused", "_bytes").rows() == [
        (0, "v", None, None),
        (1, None, "unreadable", damaged.value),
    ]
    assert (manifest.rows, manifest.erased, manifest.next) == (3, 1, 3)
