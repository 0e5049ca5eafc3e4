"""Options that say how files are written: alone, from a file, and what is said of what they give."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from deploy.terminal.log_options import ShopLog, log_options
from models.errors import PathcastError

TEXT = "101;5001;;pv;1/2/2026 10:00;1,5\n101;5002;x;buy;1/2/2026 10:01;2,5\n"
OPTIONS = (
    *("--columns", "visitor_id,item_id,,event,ts,price"),
    *("--time-format", "%d/%m/%Y %H:%M"),
    *("--event-map", "pv=view_item", "--event-map", "buy=purchase"),
)
MAP = """
[columns]
item_id = "thing"
[event_map]
pv = "view_item"
buy = "purchase"
[file]
columns = ["visitor_id", "thing", "", "event", "ts", "price"]
time_format = "%d/%m/%Y %H:%M"
"""


@click.command()
@log_options()
def read(log: ShopLog) -> None:
    """Print the rows."""
    click.echo(
        json.dumps(log.frame().select("visitor_id", "item_id", "event", "ts", "price").collect().rows())
    )


def called(*words: object) -> Result:
    return CliRunner().invoke(read, [str(word) for word in words])


ROWS = [
    ["101", "5001", "view_item", 1_769_940_000_000, 1.5],
    ["101", "5002", "purchase", 1_769_940_060_000, 2.5],
]


def test_options_and_a_file_of_them_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "log.dat").write_text(TEXT)
    (tmp_path / "map.toml").write_text(MAP)
    for options in (OPTIONS, ("--map", f"@{tmp_path / 'map.toml'}")):
        done = called("--events", tmp_path / "log.dat", *options)
        assert json.loads(done.stdout) == ROWS, done.output
        assert "note: log.dat: fields are between semicolons, amounts have decimal commas" in done.stderr


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Tokyo"])
def test_times_are_of_the_zone_that_the_workers_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("PATHCAST_TIME_ZONE", zone)
    (tmp_path / "log.dat").write_text(TEXT)
    hours = {"UTC": 0, "Europe/Berlin": 1, "Asia/Tokyo": 9}[zone]
    found = json.loads(called("--events", tmp_path / "log.dat", *OPTIONS).stdout)
    assert [row[3] for row in found] == [row[3] - hours * 3_600_000 for row in ROWS]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--delimiter", ";;"), "is no single character"),
        (("--encoding", "klingon"), "is no encoding"),
        (("--time-format", "dd/mm"), "is no strptime format"),
        (("--decimal", "x"), "is not one of"),
        (("--event", "teleport"), "--event teleport is no event, choose from page_view"),
        (("--map", "@nowhere.toml"), "nowhere.toml cannot be read"),
        (("--map", "@{wrong}"), "has colour; expected the tables"),
    ],
)
def test_options_that_make_no_sense_are_told(tmp_path: Path, options: tuple[str, str], message: str) -> None:
    (tmp_path / "log.csv").write_text("ts,visitor_id\n1770000000,a\n")
    (tmp_path / "wrong.toml").write_text("[colour]\n")
    given = [option.format(wrong=tmp_path / "wrong.toml") for option in options]
    done = called("--events", tmp_path / "log.csv", *given)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


def test_a_share_of_rows_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log.csv").write_text(
        "ts,visitor_id,event,item_id,price\n"
        + "1770000000,a,view,A,1\n" * 7
        + "soon,a,view,A,1\n,a,view,A,1\n1770000000,,view,A,1\n"
    )
    done = called("--events", tmp_path / "log.csv")
    assert done.exit_code == 0, done.output
    for told in (
        "ts unreadable: 1 (first: 'soon' in line 9",
        "ts missing: 1 (first: in line 10",
        "visitor_id missing: 1",
    ):
        assert told in done.stderr
    monkeypatch.setenv("PATHCAST_TRAINER_UNUSABLE_SHARE", "0.2")
    refused = called("--events", tmp_path / "log.csv")
    assert isinstance(refused.exception, PathcastError)
    assert "3 of 10 rows cannot be used" in str(refused.exception)
    assert "expected at most 20% (PATHCAST_TRAINER_UNUSABLE_SHARE)" in str(refused.exception)


def test_a_folder_of_files_is_no_event_log(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    done = called("--events", tmp_path)
    assert isinstance(done.exception, PathcastError)
    said = "is a folder of files (a.csv, b.csv) and no event log: name the files themselves"
    assert said in str(done.exception)


def test_names_of_columns_are_refused_where_rows_have_their_own(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"who": "v", "event": "view_item", "item_id": "i", "ts": 1770000000}\n'
    )
    done = called("--events", tmp_path / "log.jsonl", "--columns", "visitor_id,event,item_id,ts")
    assert "--columns is for text without a header, but log.jsonl names its own" in str(done.exception)


def test_a_header_alone_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("visitor_id,event,item_id,ts\n")
    done = called("--events", tmp_path / "log.csv")
    assert "the log has no row" in str(done.exception)


def test_escapes_are_told_by_an_option_or_a_file(tmp_path: Path) -> None:
    header = "visitor_id,event,item_id,title,price,ts\n"
    rows = '"v","view_item","i","27\\" tv, new",2.5,"2026-03-01 08:00:00"\n'
    (tmp_path / "log.csv").write_text(header + rows)
    (tmp_path / "map.toml").write_text('[file]\nescape = "\\\\"\n')
    assert "--escape" in str(called("--events", tmp_path / "log.csv").exception)
    for options in (("--escape", "backslash"), ("--escape", "\\"), ("--map", f"@{tmp_path / 'map.toml'}")):
        done = called("--events", tmp_path / "log.csv", *options)
        assert json.loads(done.stdout) == [["v", "i", "view_item", 1_772_352_000_000, 2.5]], done.output
    assert called("--events", tmp_path / "log.csv", "--escape", '"').exit_code == 2
