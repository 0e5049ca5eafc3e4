"""Logs of known and unknown shape under the contract's names and types."""

import gzip
import json

import polars as pl
import pytest

from trainer import logs
from trainer.examples.columns import typed
from trainer.logs.log_checks import check_log
from trainer.logs.log_files import read_items, read_log
from trainer.tables.log_error import LogError

NEW_YEAR = 1_609_459_200_000


def test_scripts_import_the_reader_from_its_room():
    assert logs.read_log is read_log
    with pytest.raises(AttributeError, match="no attribute 'write_log'"):
        logs.write_log  # noqa: B018


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-01-01T00:00:00Z", NEW_YEAR),
        ("2021-01-01 00:00:00 UTC", NEW_YEAR),
        ("2021-01-01 00:00:00.250", NEW_YEAR + 250),
        ("2021-01-01T02:00:00+02:00", NEW_YEAR),
        ("2021-01-01", NEW_YEAR),
        ("1609459200", NEW_YEAR),
        ("1609459200000", NEW_YEAR),
        ("1609459200000000", NEW_YEAR),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_of_every_form_become_epoch_ms(value, expected):
    frame = pl.LazyFrame({"ts": [value]}, schema={"ts": pl.String})
    assert typed(frame).collect()["ts"].to_list() == [expected]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_datetime_columns_become_epoch_ms(unit):
    moment = pl.Series("ts", [NEW_YEAR]).cast(pl.Datetime("ms")).cast(pl.Datetime(unit))
    assert typed(pl.LazyFrame([moment])).collect()["ts"].to_list() == [NEW_YEAR]


def test_missing_words_are_null_and_known_events_are_renamed():
    frame = pl.LazyFrame(
        {
            "event": ["view", "CART", "teleport"],
            "brand": ["(not set)", " x ", ""],
            "price": ["1.5", "nan", "y"],
        }
    )
    found = typed(frame).collect()
    assert found["event"].to_list() == ["view_item", "add_to_cart", "teleport"]
    assert found["brand"].to_list() == [None, "x", None]
    assert found["price"].to_list() == [1.5, None, None]


def test_the_same_rows_in_any_format(tmp_path):
    rows = [{"ts": NEW_YEAR + n, "visitor_id": f"00{n}", "event": "view", "sku": str(n)} for n in range(3)]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "log.csv")
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress((tmp_path / "log.csv").read_bytes()))
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress((tmp_path / "log.jsonl").read_bytes()))
    frame.write_parquet(tmp_path / "log.parquet")
    read = [read_log([path]).collect() for path in sorted(tmp_path.iterdir())]
    assert len(read) == 5
    assert all(found.drop("event_id").equals(read[0].drop("event_id")) for found in read)
    assert read[0].columns == ["event_id", "visitor_id", "ts", "event", "item_id"]
    assert read[0]["visitor_id"].to_list() == ["000", "001", "002"]
    assert all(found["event_id"].n_unique() == 3 for found in read)
    assert read[0]["event_id"].to_list() == read[1]["event_id"].to_list()


def test_several_files_follow_each_other(tmp_path):
    (tmp_path / "a.csv").write_text("ts,visitor_id,event,price\n1600000000,v,view,1\n")
    (tmp_path / "b.csv").write_text("ts,visitor_id,event,query\n1600000001,v,search,shoes\n")
    found = read_log([tmp_path / "a.csv", tmp_path / "b.csv"]).collect()
    assert found["event_id"].n_unique() == 2
    assert found["query"].to_list() == [None, "shoes"]


def test_a_mapping_goes_before_known_names(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("ts,happened,visitor_id,event\n1,1600000000,v,view\n")
    assert read_log([log], {"ts": "happened"}).collect()["ts"].to_list() == [1_600_000_000_000]


@pytest.mark.parametrize(
    ("name", "content", "mapping", "complaint"),
    [
        (
            "log.csv",
            "a,b\n1,2\n",
            {},
            "no column for visitor_id, ts, event; its columns are a, b.*--map visitor_id=COLUMN",
        ),
        ("log.csv", "ts,visitor_id,event\n", {"ts": "when"}, "--map ts=when: log.csv has no such column"),
        ("log.csv", "ts,visitor_id,event\n", {"colour": "ts"}, "--map colour=ts: no such field"),
        ("log.xml", "<a/>", {}, "log.xml is no known kind of log"),
        ("log.parquet", "not parquet", {}, "cannot be read"),
        ("log.csv.gz", "not gzip,b\n", {}, "no column for"),
    ],
)
def test_unusable_logs_are_refused_with_the_way_out(tmp_path, name, content, mapping, complaint):
    (tmp_path / name).write_text(content)
    with pytest.raises(LogError, match=complaint):
        read_log([tmp_path / name], mapping)


@pytest.mark.parametrize("place", [6, 20_001])
def test_a_broken_line_of_json_lines_is_a_row_and_named(tmp_path, place):
    lines = ['{"visitor_id": "v", "ts": 1, "event": "view_item"}'] * 21_000
    lines[place - 1] = '{"visitor_id": oops'
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    assert read_log([tmp_path / "log.jsonl"]).collect().height == 21_000
    check = check_log([tmp_path / "log.jsonl"])
    assert [(fault.line, fault.rows, fault.value) for fault in check.faults if not fault.field] == [
        (place, 1, '{"visitor_id": oops')
    ]


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(LogError, match="is no file"):
        read_log([tmp_path / "none.csv"])


def test_items_of_a_shop(tmp_path):
    (tmp_path / "items.csv").write_text("sku,name,category,price_usd\nA1,Mug,(not set),9.5\n,Nameless,x,1\n")
    assert read_items(tmp_path / "items.csv").collect().to_dicts() == [
        {"item_id": "A1", "category": None, "price": 9.5, "title": "Mug"}
    ]
