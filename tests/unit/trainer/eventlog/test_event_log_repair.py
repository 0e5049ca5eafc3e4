"""Refused rows are read again from their own bytes, as often as it takes, and nothing else is touched."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from deploy.cli import main
from models.contract.events import Limits
from models.contract.pseudonyms import Pseudonyms
from models.privacy.envelope import Envelopes
from models.privacy.keyring import Keyring
from tests.contract.examples import EXAMPLES
from tests.eventlogs import DAY, START, Record, click, filled, originals
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.compact import compact
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import FOLDER, Forgetting, forget
from trainer.eventlog.log_tables import BY_NAME, CLICKS, TABLES
from trainer.eventlog.place import EventLogError, LogLocation
from trainer.eventlog.refused_rows import WINDOW_MS, Refusals, Watch, gauges, write_gauges
from trainer.eventlog.repair import NO_BYTES, Repaired, repair
from trainer.eventlog.rows import UNREADABLE, Rows
from trainer.eventlog.stats import stats
from trainer.eventlog.tidy import GRACE_MS, sweep

INTENT = BY_NAME["purchase-intent"]
ROWS = {table.name: Rows(table) for table in TABLES}
LATER = START + 3 * DAY
SAID = EXAMPLES["purchase-intent"][0] | {"next_events": {"purchase": 0.4}}
MASTER = Envelopes(b"m" * 32)
KEYS = {name: MASTER.wrap(name.encode(), bytes(32), name.encode() * 6) for name in ("v0", "v1", "v2")}


@pytest.fixture(params=["folder", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> EventLog:
    return EventLog.at(str(tmp_path / "log") if request.param == "folder" else f"memory://{uuid.uuid4()}")


def answer(number: int, value: bytes | None = None, sealed: bool = False) -> Record:
    """An answer of one of three visitors, one a quarter of an hour."""
    visitor, when = f"v{number % 3}", START + number * DAY // 96
    said = json.dumps(SAID | {"visitor_id": visitor, "event_id": f"e{number}"}).encode()
    if sealed:
        said = MASTER.unwrap(visitor.encode(), KEYS[visitor]).seal("purchase_intent", said, bytes(12))
    return Record(0, number, when, visitor.encode(), said if value is None else value, [("trace", b"\x01")])


class Unable(Rows):
    """What an older program makes of answers: nothing of those whose number is not a multiple of four."""

    def frame(self, records: Sequence[Any]) -> pl.DataFrame:
        rows = [
            super(Unable, self).frame([one if one.offset % 4 == 0 else one._replace(value=b"{")])
            for one in records
        ]
        made = pl.concat(rows)
        refused = pl.col("_refused").is_not_null()
        values = pl.Series("_bytes", [one.value for one in records], pl.Binary)
        return made.with_columns(pl.when(refused).then(values).otherwise(None).alias("_bytes"))


def written(log: EventLog, records: Sequence[Record], each: int = 12, opened: Any = None) -> EventLog:
    """The log as an older program left it: also its manifests do not count refused rows."""
    opened = opened or (lambda role, found: [one.value for one in found])
    source = TopicSource("purchase-intent", "one", 0, 10**6)
    writer = Buffer.open(log, Unable(INTENT, opened=opened), 0, source, Forgetting(log), False)
    for start in range(0, len(records), each):
        writer.add(records[start : start + each])
        writer.commit(0, START)
    history = log.history(INTENT.name, 0)
    history.commit(
        lambda found: replace(found, files=tuple(replace(file, refused=None) for file in found.files))  # type: ignore[union-attr,type-var]
    )
    return log


def again(log: EventLog, rows: dict[str, Rows] = ROWS) -> list[Repaired]:
    return list(repair(log, rows, Forgetting(log), LATER))


def held(log: EventLog, table: str = INTENT.name) -> list[Any]:
    """Rows as Kafka held them, in their order."""
    files = [file for manifest in log.manifests(table) for file in manifest.files]
    return [row for file in files for row in originals(log.read(file), BY_NAME[table])]


def expected(records: Sequence[Record]) -> list[Any]:
    return [(0, one.offset, one.key, json.loads(one.value or b""), [["trace", b"\x01"]]) for one in records]


def refused(log: EventLog) -> dict[str, int]:
    return dict(next(one for one in stats(log) if one.table == INTENT.name).refused)


def test_refused_rows_become_what_a_log_without_the_fault_has(log: EventLog) -> None:
    records = [answer(number) for number in range(200)]
    written(log, records)
    assert refused(log) == {UNREADABLE: 150}
    assert held(log) != expected(records)
    days = [file.day for file in log.manifests(INTENT.name)[0].files]
    assert again(log) == [Repaired(INTENT.name, 0, 150, 150, 0, {})]
    (manifest,) = log.manifests(INTENT.name)
    assert held(log) == expected(records)
    assert (manifest.rows, manifest.kept, manifest.erased, manifest.next) == (200, 200, 0, 200)
    assert [file.day for file in manifest.files] == days
    assert refused(log) == {}
    assert again(log) == []
    sweep(log, LATER + GRACE_MS)
    compact(log, LATER)
    assert held(log) == expected(records)


def test_what_cannot_be_read_today_either_stays_as_it_is(log: EventLog) -> None:
    records = [answer(number, b"\xff{" if number % 8 == 1 else None) for number in range(40)]
    written(log, records)
    for _ in range(2):
        (found,) = again(log)
        assert found.refused == {UNREADABLE: 5}
    assert (found.read, found.mended) == (5, 0)
    kept = {row[1]: row[3] for row in held(log)}
    assert [kept[number] for number in range(1, 40, 8)] == [b"\xff{"] * 5
    assert refused(log) == {UNREADABLE: 5}


@pytest.mark.parametrize("when", ["before the file", "before the manifest", "after the manifest"])
def test_a_kill_leaves_a_log_that_can_be_read_and_repaired(
    log: EventLog, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [answer(number) for number in range(100)]
    before = held(written(log, records))
    create = LogLocation.create

    def killed(self: LogLocation, name: str, content: bytes) -> None:
        if when == "after the manifest":
            create(self, name, content)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LogLocation, "write" if when == "before the file" else "create", killed)
        with pytest.raises(KeyboardInterrupt):
            again(log)
    if when != "after the manifest":
        assert held(log) == before
    else:
        assert len(held(log)) == len(before)
    again(log)
    assert held(log) == expected(records)


def test_files_that_are_merged_meanwhile_are_repaired_all_the_same(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [answer(number) for number in range(90)]
    written(log, records)
    real = EventLog.write_day

    def slow(self: EventLog, *args: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(EventLog, "write_day", real)
            compact(log, LATER)
        return real(self, *args)

    monkeypatch.setattr(EventLog, "write_day", slow)
    again(log)
    assert held(log) == expected(records)
    assert refused(log) == {}


def test_rows_of_a_visitor_who_is_forgotten_meanwhile_do_not_come_back(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [answer(number)._replace(key=None) for number in range(30)]
    written(log, records)
    real = EventLog.write_day

    def slow(self: EventLog, *args: Any) -> Any:
        if not log.place.names(FOLDER):
            with monkeypatch.context() as patch:
                patch.setattr(EventLog, "write_day", real)
                forget(log, ["v1"], LATER)
        return real(self, *args)

    monkeypatch.setattr(EventLog, "write_day", slow)
    again(log)
    assert {row[3]["visitor_id"] for row in held(log)} == {"v0", "v2"}
    (manifest,) = log.manifests(INTENT.name)
    assert (manifest.rows, manifest.kept + manifest.erased) == (30, 30)


def test_sealed_rows_are_opened_and_those_whose_key_is_gone_are_erased(log: EventLog) -> None:
    ring = Keyring(MASTER)
    for name in ("v0", "v1"):
        ring.take(0, name.encode(), KEYS[name])

    def opened(role: str, found: Sequence[Any]) -> list[bytes | None]:
        known = [one.key != b"v2" for one in found]
        values = zip(found, known, strict=True)
        return [ring.open(role, 0, one.key, one.value) if has else None for one, has in values]

    records = [answer(number, sealed=True) for number in range(1, 40)]
    everyone = Keyring(MASTER)
    for name, key in KEYS.items():
        everyone.take(0, name.encode(), key)
    written(
        log, records, opened=lambda role, found: [everyone.open(role, 0, one.key, one.value) for one in found]
    )
    with pytest.raises(EventLogError, match=r"purchase_intent\[0\] offset 1 is sealed.*ENVELOPE_KEY_FILE"):
        again(log)
    gone = sum(one.key == b"v2" and one.offset % 4 != 0 for one in records)
    (found,) = again(log, {**ROWS, INTENT.name: Rows(INTENT, opened=opened)})
    assert (found.read, found.mended, found.erased, found.refused) == (30, 30 - gone, gone, {})
    assert gone > 0
    (manifest,) = log.manifests(INTENT.name)
    assert (manifest.rows, manifest.kept, manifest.erased) == (39, 39 - gone, gone)
    assert all(isinstance(row[3], dict) for row in held(log))


def test_clicks_without_their_bytes_are_told_and_others_are_read_by_todays_settings(log: EventLog) -> None:
    bad = [click(number, "v")._replace(timestamp=START - 10 * DAY) for number in range(4)]
    filled(log, [*bad, click(9, "v")])
    assert stats(log)[0].refused == {"skewed": 4}
    (found,) = again(log)
    assert (found.read, found.refused) == (4, {"skewed": 4})
    (found,) = again(log, {**ROWS, CLICKS.name: Rows(CLICKS, Limits(check_skew=False))})
    assert (found.mended, found.refused) == (4, {})
    assert [row[3]["event_id"] for row in held(log, CLICKS.name)] == [*(f"e0-{n}" for n in range(4)), "e0-9"]


def test_with_pseudonyms_no_bytes_are_left_to_be_read(log: EventLog) -> None:
    source = TopicSource("clicks", "one", 0, 10)
    rows = Rows(CLICKS, pseudonyms=Pseudonyms(b"s" * 32))
    writer = Buffer.open(log, rows, 0, source, Forgetting(log), False)
    writer.add([click(0), click(1)._replace(value=b"{")])
    writer.commit(0, START)
    assert again(log, {**ROWS, CLICKS.name: rows}) == [Repaired("clicks", 0, 0, 0, 0, {NO_BYTES: 1})]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    written(EventLog.at(str(tmp_path / "log")), [answer(number) for number in range(40)])
    return lambda *arguments: CliRunner().invoke(main, ["log", *map(str, arguments)])


def test_commands_say_what_is_refused_and_what_was_repaired(command: Any, tmp_path: Path) -> None:
    shown = command("stats", "--metrics", tmp_path / "log.prom")
    assert shown.exit_code == 0
    assert [line.split("│")[1:5] for line in shown.output.splitlines() if "│ unreadable" in line] == [
        [" purchase-intent ", " unreadable ", " 30   ", " 75.00% "]
    ]
    assert "Warning: purchase-intent: 30 of 40 rows are refused (75.0%: unreadable 30)" in shown.output
    assert "`pathcast log repair`" in shown.output
    said = (tmp_path / "log.prom").read_text()
    assert 'refused_rows{reason="unreadable",table="purchase-intent"} 30.0' in said
    assert 'refused_rows{reason="unreadable",table="ad-decisions"} 0.0' in said
    assert command("stats", "--check").exit_code == 3
    assert command("repair").output == (
        "purchase-intent: 30 refused rows read again, 30 repaired, 0 erased, 0 stay refused\n"
    )
    assert command("repair").output == "no row is refused\n"
    found = command("stats", "--check", "--json")
    assert found.exit_code == 0
    table = json.loads(found.output)["tables"]["purchase-intent"]
    assert (table["refused"], table["refused_share"], table["alarm"], table["kept"]) == ({}, 0.0, None, 40)


def test_one_damaged_file_is_named_and_all_others_are_repaired(command: Any, tmp_path: Path) -> None:
    log = EventLog.at(str(tmp_path / "log"))
    files = [file for manifest in log.manifests(INTENT.name) for file in manifest.files]
    assert len(files) == 5
    broken = files[1]
    stay = log.read(broken)["_refused"].count()
    path = next((tmp_path / "log").rglob(Path(broken.name).name))
    path.write_bytes(path.read_bytes()[:-40])
    first = command("repair")
    assert first.exit_code == 1
    assert 0 < stay < 30
    assert f"{30 - stay} repaired" in first.stdout
    assert broken.name in first.stderr
    assert "1 files in" in first.stderr
    before = log.manifests(INTENT.name)
    whole = [file for manifest in before for file in manifest.files if file != broken]
    assert broken in before[0].files
    assert all(log.read(file)["_refused"].is_null().all() for file in whole)
    second = command("repair")
    assert (second.exit_code, second.stderr) == (1, first.stderr)
    assert second.stdout == "no row of the other files is refused\n"
    assert log.manifests(INTENT.name) == before


def test_the_share_that_is_an_alarm_is_a_setting(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_REFUSED_SHARE", "0.75")
    shown = command("stats", "--check")
    assert (shown.exit_code, "Warning" in shown.output) == (0, False)


def test_a_file_that_is_gone_is_still_named_where_its_refused_rows_were_not_counted(
    command: Any, tmp_path: Path
) -> None:
    next((tmp_path / "log" / "purchase-intent").rglob("*.parquet")).unlink()
    shown = command("stats")
    assert shown.exit_code == 1
    assert "is gone, expected" in shown.output


def test_who_writes_the_log_raises_the_alarm_once_in_a_while(
    log: EventLog, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = log.write(INTENT.name, 0, Unable(INTENT).frame([answer(number) for number in range(8)]), 0)
    good = log.write(INTENT.name, 0, Rows(INTENT).frame([answer(number) for number in range(50)]), 0)
    watch = Watch(0.2)
    watch.take(INTENT.name, good, START)
    assert "rows refused" not in capsys.readouterr().out
    for _ in range(3):
        watch.take(INTENT.name, bad, START + 1)
    told = capsys.readouterr().out
    assert told.count("rows refused") == 1
    assert "pathcast log repair" in told
    watch.take(INTENT.name, bad, START + WINDOW_MS)
    assert capsys.readouterr().out.count("rows refused") == 1
    assert "24 of 82 rows are refused (29.3%" in next(watch.told())
    watch.most = 0.3
    assert list(watch.told()) == ["purchase-intent: unreadable 24 of 82 rows refused"]


def test_clicks_that_are_refused_are_the_producers_matter() -> None:
    found = Refusals("clicks", 100, {"skewed": 2})
    assert "pathcast dead-letters list" in (found.alarm(0.01) or "")
    assert found.alarm(0.02) is None
    samples = {sample.name for metric in gauges([found]).collect() for sample in metric.samples}
    assert samples == {"pathcast_event_log_rows", "pathcast_event_log_refused_rows"}


def test_gauges_are_written_from_what_manifests_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = written(EventLog.at(str(tmp_path / "log")), [answer(number) for number in range(40)])
    filled(log, [click(0), click(1)._replace(value=b"{")])
    write_gauges(log, tmp_path / "log.prom")
    said = (tmp_path / "log.prom").read_text()
    assert 'refused_rows{reason="malformed",table="clicks"} 1.0' in said
    # Files of an older program are not read for it.
    assert 'event_log_rows{table="purchase-intent"} 0.0' in said
    write_gauges(log, tmp_path / "nowhere" / "log.prom")
    assert "metrics not written" in capsys.readouterr().out
