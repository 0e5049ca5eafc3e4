"""The newest clicks of an event log as a file that training reads like any other log."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from deploy.commands.cluster.log_command import command
from tests.eventlogs import START, click, filled
from trainer.eventlog.log import EventLog
from trainer.eventlog.place import EventLogError
from trainer.eventlog.slices import offsets, write
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

CLICKS = [
    click(offset, f"v{offset % 5}", partition, price=1.5, basket=["a", "b"], basket_prices=[2, None])
    for partition in (0, 1)
    for offset in range(40)
]


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return filled(EventLog.at(str(tmp_path / "log")), CLICKS)


def test_a_slice_is_walked_as_the_clicks_themselves(log: EventLog, tmp_path: Path) -> None:
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(
        b"\n".join(record.value or b"" for record in sorted(CLICKS, key=lambda one: one.offset))
    )
    write(log, tmp_path / "slice.parquet")
    one, other = replay_log(read_log([tmp_path / "slice.parquet"])), replay_log(read_log([plain]))
    assert (one.disordered, one.rejected) == (0, {})
    assert one.examples().codes.tobytes() == other.examples().codes.tobytes()
    assert one.examples().features.tobytes() == other.examples().features.tobytes()


def test_baskets_reach_the_walk(log: EventLog, tmp_path: Path) -> None:
    write(log, tmp_path / "slice.parquet")
    rows = read_log([tmp_path / "slice.parquet"]).collect()
    assert rows["basket"][0].to_list() == ["a", "b"]
    assert rows["basket_prices"][0].to_list() == [2.0, None]


@pytest.mark.parametrize("most", [1, 7, 10, 79, 80, 1000])
def test_the_newest_are_taken(log: EventLog, tmp_path: Path, most: int) -> None:
    made = write(log, tmp_path / "slice.parquet", most)
    found = pl.read_parquet(tmp_path / "slice.parquet")
    expected = sorted((json.loads(one.value or b"")["ts"], one.partition) for one in CLICKS)[-most:]
    assert found["ts"].to_list() == [ts for ts, _ in expected]
    assert made.clicks == len(expected)


def test_it_says_which_offsets_it_holds(log: EventLog, tmp_path: Path) -> None:
    made = write(log, tmp_path / "slice.parquet", most=10)
    assert made.offsets == {"clicks": {"0": [35, 40], "1": [35, 40]}}
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    assert offsets([tmp_path / "slice.parquet", other]) == made.offsets


def test_how_the_log_was_committed_does_not_show(log: EventLog, tmp_path: Path) -> None:
    write(log, tmp_path / "one.parquet", most=33)
    write(
        filled(EventLog.at(str(tmp_path / "another")), CLICKS, each=1),
        tmp_path / "two.parquet",
        33,
    )
    assert pl.read_parquet(tmp_path / "one.parquet").equals(pl.read_parquet(tmp_path / "two.parquet"))


def test_since_leaves_out_what_is_older(log: EventLog, tmp_path: Path) -> None:
    assert write(log, tmp_path / "slice.parquet", since=START + 30_000).clicks == 20


def test_what_workers_refused_is_not_learned_from(log: EventLog, tmp_path: Path) -> None:
    filled(log, [*CLICKS[:40], click(40)._replace(value=b"{"), click(41)._replace(key=b"somebody")])
    assert write(log, tmp_path / "slice.parquet").clicks == 80


def test_a_log_without_clicks_says_so(tmp_path: Path) -> None:
    with pytest.raises(EventLogError, match=r"no click to learn from.*log stats"):
        write(EventLog.at(str(tmp_path / "log")), tmp_path / "slice.parquet")
    filled(EventLog.at(str(tmp_path / "log")), [click(0)._replace(value=b"{")])
    with pytest.raises(EventLogError, match="no click to learn from"):
        write(EventLog.at(str(tmp_path / "log")), tmp_path / "slice.parquet")


def test_stats_and_export_show_the_log(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", log.place.url)
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(command, ["stats"])
    assert "80" in shown.output
    assert "clicks[1] up to offset 40" in shown.output
    done = CliRunner().invoke(command, ["export", str(tmp_path / "x.parquet"), "--limit", "3"])
    assert done.output.startswith("3 clicks written")
