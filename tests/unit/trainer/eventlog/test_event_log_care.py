"""Compaction, retention and forgetting change files, and no row that they should not."""

import json
import os
import uuid
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli import main
from deploy.commands.cluster.log_command import command
from tests.eventlogs import DAY, START, Record, buffer, click, filled, originals, rows
from trainer.eventlog.compact import Changed, compact, exchange, plan
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import FOLDER, KEPT_MS, Forgetting, forget, outdated
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.manifest import DataFile
from trainer.eventlog.place import EventLogError, LogLocation
from trainer.eventlog.slices import write
from trainer.eventlog.stats import damaged, stats
from trainer.eventlog.tidy import GRACE_MS, expire, sweep, tend
from trainer.promotion.trained_on_erased import trained_on_erased

LATER = START + 30 * DAY


@pytest.fixture(params=["folder", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> EventLog:
    return EventLog.at(str(tmp_path / "log") if request.param == "folder" else f"memory://{uuid.uuid4()}")


def files(log: EventLog) -> list[DataFile]:
    return [file for manifest in log.manifests() for file in manifest.files]


def on_disk(log: EventLog) -> int:
    days = log.place.names("clicks", folders=True)
    return sum(len(log.place.names(f"clicks/{day}")) for day in days)


def content(log: EventLog) -> list[object]:
    return sorted(row for file in files(log) for row in originals(log.read(file), CLICKS))  # type: ignore[type-var]


def test_days_that_are_over_become_one_file_each(log: EventLog) -> None:
    filled(
        log, [click(offset, partition=offset % 2, ts=START + offset * DAY // 20) for offset in range(60)], 3
    )
    before, many = content(log), len(files(log))
    assert compact(log, LATER) == many - len(files(log))
    assert len(files(log)) == len({(file.day, file.name.split("/")[-1][:5]) for file in files(log)}) < many
    assert content(log) == before
    assert compact(log, LATER) == 0


def test_files_are_not_merged_beyond_their_size(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(100)], each=10)
    compact(log, LATER, most=40)
    assert [file.rows for file in files(log)] == [40, 40, 20]


@given(st.integers(1, 400), st.integers(8, 64))
def test_a_day_that_goes_on_stays_in_few_files_and_is_seldom_rewritten(commits: int, most: int) -> None:
    def file(number: int, rows: int) -> DataFile:
        return DataFile(
            name=str(number), day="2023-11-14", first=number, last=number, rows=rows, bytes=1, sha256=""
        )

    held: list[DataFile] = []
    rewritten = 0
    for number in range(commits):
        held.append(file(number, 1))
        for group in plan(held, "2023-11-14", most):
            merged = file(number, sum(one.rows for one in group))
            rewritten += merged.rows
            held = [one for one in held if one not in group] + [merged]
    assert sum(one.rows for one in held) == commits
    assert max(one.rows for one in held) <= most
    assert len(held) <= 8 + 8 * (1 + commits // most + commits.bit_length())
    assert rewritten <= commits * most.bit_length()


def test_a_merge_that_came_late_does_nothing(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(30)])
    old = files(log)
    compact(log, LATER)
    with pytest.raises(Changed):
        exchange(log.history("clicks", 0), old, old[:1], LATER)
    assert rows(log) == [(0, offset) for offset in range(30)]


def test_rows_that_come_while_files_are_merged_stay(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(log, [click(offset) for offset in range(30)])
    real = EventLog.write_day

    def slow(self: EventLog, table: str, partition: int, frame: pl.DataFrame, day: str) -> DataFile:
        with monkeypatch.context() as patch:
            patch.setattr(EventLog, "write_day", real)
            filled(log, [click(30)])
        return real(self, table, partition, frame, day)

    monkeypatch.setattr(EventLog, "write_day", slow)
    assert compact(log, LATER) == 2
    assert rows(log) == [(0, offset) for offset in range(31)]


def test_replaced_files_stay_for_their_readers_and_then_go(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(30)])
    compact(log, LATER)
    assert (sweep(log, LATER + GRACE_MS - 1), on_disk(log)) == (0, 4)
    assert (sweep(log, LATER + GRACE_MS), on_disk(log)) == (3, 1)
    assert (sweep(log, LATER + GRACE_MS), log.manifests()[0].retired) == (0, {})
    assert len(rows(log)) == 30


def test_what_a_killed_writer_left_goes_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(EventLog.at(str(tmp_path)), [click(0)])
    writer = buffer(log)
    writer.add([click(1)])
    with monkeypatch.context() as patch:
        patch.setattr(LogLocation, "create", lambda *_: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            writer.commit(0, START)
    for file in tmp_path.rglob("*.parquet"):
        os.utime(file, (START / 1000, START / 1000))
    assert on_disk(log) == 2
    assert sweep(log, START + GRACE_MS - 1) == 0
    assert sweep(log, START + GRACE_MS) == 1
    assert (on_disk(log), rows(log)) == (1, [(0, 0)])


def test_days_beyond_their_retention_go(log: EventLog) -> None:
    filled(log, [click(number, ts=START + number * DAY) for number in range(10)], each=1)
    assert expire(log, START + 10 * DAY, {"clicks": 3.0}) == 7
    assert [file.day for file in files(log)] == [f"2023-11-{day}" for day in (21, 22, 23)]
    assert on_disk(log) == 3
    found = stats(log)[0]
    assert (found.rows, found.kept, found.expired) == (10, 3, 7)
    assert expire(log, START + 10 * DAY, {"clicks": 3.0}) == 0
    again = buffer(log)
    assert again.start == 10


def odd(offset: int, visitor: str) -> Record:
    value = json.dumps({"event_id": "x", "visitor_id": visitor, "event": "what is this"}).encode()
    return Record(0, offset, START, b"k", value)


NAMES = ["v1", 'quo"te', "ünï", "with, comma"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_forgotten_visitor_is_found_in_any_file(tmp_path: Path, name: str) -> None:
    log = EventLog.at(str(tmp_path / "log"))
    others = [click(offset, f"other{offset % 4}", offset % 2) for offset in range(40)]
    theirs = [click(100 + offset, name, offset % 2) for offset in range(10)]
    filled(log, others + theirs, each=7)
    filled(log, [*[one for one in others + theirs if one.partition == 0], odd(200, name), odd(201, "other")])
    filled(log, [click(202)._replace(key=name.encode(), partition=0)])
    compact(log, LATER)
    erased = forget(log, [name], LATER)
    assert sum(found.rows for found in erased) == 12
    assert {one for found in erased for one in found.offsets} == {*range(100, 110), 200, 202}
    assert len(rows(log)) == 41
    for file in (tmp_path / "log").rglob("*.parquet"):
        frame = pl.read_parquet(file)
        assert name not in frame["visitor_id"].to_list()
        assert name.encode() not in frame["_key"].to_list()
        assert not any(json.dumps(name).encode() in (one or b"") for one in frame["_bytes"])
    assert on_disk(log) == len(files(log))
    assert stats(log)[0].erased == 12
    for place in (tmp_path / "log").rglob("*.json"):
        assert json.dumps(name) not in place.read_text()


def test_forgetting_nobody_known_changes_no_row(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(10)])
    before = files(log)
    assert (forget(log, ["nobody"], LATER), files(log)) == ([], before)


def test_rows_still_on_their_way_are_left_out_and_new_ones_are_not(log: EventLog) -> None:
    forget(log, ["v1"], START + 5_000)
    writer = buffer(log, keep=Forgetting(log))
    writer.add([click(offset, f"v{offset % 2}") for offset in range(12)])
    writer.commit(0, START)
    assert rows(log) == [(0, offset) for offset in (0, 2, 4, 6, 7, 8, 9, 10, 11)]
    found = log.manifests()[0]
    assert (found.next, found.rows, found.erased) == (12, 12, 3)


def test_a_batch_of_forgotten_visitors_alone_moves_the_position(log: EventLog) -> None:
    forget(log, ["v0"], LATER)
    writer = buffer(log, keep=Forgetting(log))
    writer.add([click(0)])
    writer.commit(0, START)
    assert (rows(log), buffer(log).start) == ([], 1)


@pytest.mark.parametrize("moment", ["before the manifest is read", "after it was read"])
def test_who_is_forgotten_while_rows_are_committed_is_left_out(
    log: EventLog, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(log, [click(0, "other")])
    writer = buffer(log, keep=Forgetting(log))
    writer.add([click(1, "v1"), click(2, "other")])
    asked = []
    step = "write" if moment == "before the manifest is read" else "create"
    real = getattr(LogLocation, step)

    def meanwhile(self: LogLocation, name: str, content: bytes) -> None:
        if not asked:
            asked.append(name)
            forget(log, ["v1"], LATER)
        real(self, name, content)

    monkeypatch.setattr(LogLocation, step, meanwhile)
    writer.commit(0, START)
    assert rows(log) == [(0, 0), (0, 2)]
    assert log.manifests()[0].erased == 1


def test_hashes_go_once_they_can_find_nothing(log: EventLog) -> None:
    forget(log, ["v0"], START)
    assert outdated(log, START + KEPT_MS) == 0
    assert outdated(log, START + KEPT_MS + 1) == 1
    assert log.place.names(FOLDER) == ["salt"]


def test_versions_that_had_seen_a_visitor_are_named(log: EventLog, tmp_path: Path) -> None:
    filled(log, [click(offset, f"v{offset // 10}") for offset in range(40)])
    spans = {"first": [0, 20], "second": [20, 40], "other": None, "broken": None, "policies/shop/p": [0, 20]}
    for name, span in spans.items():
        folder = tmp_path / "registry" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        said = {"lineage": {"offsets": {"clicks": {"0": span}}}} if span else {}
        (folder / "metrics.json").write_text("{" if name == "broken" else json.dumps(said))
    erased = forget(log, ["v1"], LATER)
    assert trained_on_erased(str(tmp_path / "registry"), erased) == (
        ["first", "policies/shop/p"],
        ["broken", "other"],
    )
    assert trained_on_erased(str(tmp_path / "registry"), []) == ([], [])


def test_the_commands_tend_and_forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("PATHCAST_TRAINER_KEEP_CLICKS_DAYS", "36500")
    log = filled(
        EventLog.at(str(tmp_path / "log")), [click(offset, f"v{offset % 3}") for offset in range(30)]
    )
    run = CliRunner().invoke
    assert run(command, ["compact"]).output == "2 files merged, 0 rows expired, 0 files removed\n"
    assert run(command, ["forget", "v1"]).output == (
        "10 rows of clicks[0] erased\nmodels that learned from them: none\n"
    )
    assert len(rows(log)) == 20


def test_files_that_are_gone_or_of_another_size_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    log = filled(EventLog.at(str(tmp_path / "log")), [click(offset) for offset in range(30)])
    assert CliRunner().invoke(main, ["log", "stats"]).exit_code == 0
    whole, cut, gone = files(log)
    log.place.write(cut.name, log.place.read(cut.name)[:100])
    log.place.remove(gone.name)
    done = CliRunner().invoke(main, ["log", "stats"])
    assert (done.exit_code, "clicks[0] up to offset 30" in done.stdout) == (1, True)
    assert done.stderr.splitlines() == [
        f"{cut.name} has 100 bytes, expected {cut.bytes:,} bytes",
        f"{gone.name} is gone, expected {gone.bytes:,} bytes",
        f"Error: 2 files in {log.place.url} are damaged: restore them from a copy",
    ]
    assert whole.name not in done.stderr


def test_sizes_are_compared_wherever_the_log_is(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(30)])
    assert damaged(log) == []
    log.place.write(files(log)[1].name, b"x" * 100)
    assert [said.split(" has ")[1][:9] for said in damaged(log)] == ["100 bytes"]


def test_tending_keeps_what_may_be_kept(log: EventLog) -> None:
    filled(log, [click(offset) for offset in range(30)])
    assert tend(log, LATER, {"clicks": 10.0}) == (0, 30, 0)
    assert rows(log) == []


def test_a_reader_whose_file_was_erased_is_told_to_begin_again(log: EventLog, tmp_path: Path) -> None:
    filled(log, [click(offset, f"v{offset % 3}") for offset in range(30)])
    file = files(log)[0]
    forget(log, ["v1"], LATER)
    with pytest.raises(EventLogError, match="try again"):
        log.read(file)
    assert write(log, tmp_path / "slice.parquet").clicks == 20
