"""Logs as shops have them: amounts, dates, ids, users and sessions, other forms; and what is said of them."""

import json
from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.contract.aliases import EventNames
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import WIRE_FIELDS, Click, Limits
from tests.eventlogs import Record
from trainer.logs.catalogue_file import catalogue
from trainer.logs.log_checks import check_log
from trainer.logs.log_files import bare_items, read_log
from trainer.logs.log_mappings import mappings
from trainer.logs.open_log import open_log
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.log_error import LogError

T0 = 1_770_000_000_000


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def column(path: Path, field: str, **dialect: Any) -> list[Any]:
    return read_log([path], dialect=Dialect(**dialect)).collect()[field].to_list()


@pytest.mark.parametrize(
    ("texts", "decimal", "expected"),
    [
        (["1.012,50", "12,5", "7"], None, [1012.5, 12.5, 7]),
        (["$12.50", "1,012.50", "USD 3"], None, [12.5, 1012.5, 3]),
        (["12,50 €", "1 012,50 €", "0,5"], None, [12.5, 1012.5, 0.5]),
        (["1'012.50", "CHF 12.00", "9"], None, [1012.5, 12, 9]),
        (["1,012", "12.50", "2,000"], None, [1012, 12.5, 2000]),
        (["1,012", "2,000", "5"], None, [None, None, 5]),
        (["1,012", "2,000", "5"], ".", [1012, 2000, 5]),
        (["1,012", "2,000", "5"], ",", [1.012, 2, 5]),
        (["1.012", "2.5", "5"], None, [1.012, 2.5, 5]),
        (["1.012.000", "500", "₩1.000.000"], None, [1_012_000, 500, 1_000_000]),
        (["cheap", "1e3", "(not set)"], None, [None, 1000, None]),
        (["inf", "-Infinity", "5", "1e400"], None, [None, None, 5, None]),
    ],
)
def test_amounts(tmp_path: Path, texts: list[str], decimal: str | None, expected: list[float | None]) -> None:
    rows = "".join(f"{T0}\ta\tview\t{text}\n" for text in texts)
    path = written(tmp_path, f"ts\tvisitor_id\tevent\tprice\n{rows}", "log.tsv")
    assert column(path, "price", decimal=decimal) == expected
    unread = [fault for fault in check_log([path], dialect=Dialect(decimal=decimal)).faults if fault.field]
    lost = sum(one is None and text != "(not set)" for one, text in zip(expected, texts, strict=True))
    assert sum(fault.rows for fault in unread) == lost
    assert not any(fault.unusable for fault in unread)


def test_numbers_without_end_are_no_amounts_in_parquet_either(tmp_path: Path) -> None:
    rows = {"ts": [T0] * 3, "visitor_id": ["a"] * 3, "event": ["view_item"] * 3, "price": [1.5, inf, nan]}
    path = tmp_path / "log.parquet"
    pl.DataFrame(rows).write_parquet(path)
    assert column(path, "price") == [1.5, None, None]
    faults = check_log([path]).faults
    assert [(one.field, one.rows, one.unusable) for one in faults] == [("price", 1, False)]


def ms(*parts: int, zone: str = "UTC") -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "options", "expected"),
    [
        (["01.05.2026 10:00", "1.5.2026"], {}, [ms(2026, 5, 1, 10), ms(2026, 5, 1)]),
        (["12/1/2026 8:26", "12/13/2026 8:27 PM"], {}, [ms(2026, 12, 1, 8, 26), ms(2026, 12, 13, 20, 27)]),
        (["1/12/2026 8:26", "13/12/26 08:27:30"], {}, [ms(2026, 12, 1, 8, 26), ms(2026, 12, 13, 8, 27, 30)]),
        (["12/1/2026 8:26", "12/1/2026 8:27"], {}, [None, None]),
        (["12/1/2026 8:26"], {"time_format": "%m/%d/%Y %H:%M"}, [ms(2026, 12, 1, 8, 26)]),
        (["12/1/2026 8:26"], {"time_format": "%d/%m/%Y %H:%M"}, [ms(2026, 1, 12, 8, 26)]),
        (["20260501T1000"], {"time_format": "%Y%m%dT%H%M"}, [ms(2026, 5, 1, 10)]),
        (
            ["2026-05-01 10:00", "2026-05-01T10:00:00.250Z"],
            {},
            [ms(2026, 5, 1, 10), ms(2026, 5, 1, 10) + 250],
        ),
        (["20260501", "2026/05/01"], {}, [ms(2026, 5, 1), ms(2026, 5, 1)]),
        (
            ["1777629600", "1777629600000", "1777629600000000", "1777629600000000000"],
            {},
            [ms(2026, 5, 1, 10)] * 4,
        ),
        (
            [
                "2026-05-01 10:00:00",
                "2026-05-01 10:00:00+02:00",
                "2026-05-01 08:00:00 UTC",
                "01.05.2026 10:00",
            ],
            {"zone": ZoneInfo("Europe/Berlin")},
            [ms(2026, 5, 1, 8)] * 4,
        ),
        # The hour that is there twice, and the one that is not.
        (
            ["2026-10-25 02:30:00", "2026-03-29 02:30:00"],
            {"zone": ZoneInfo("Europe/Berlin")},
            [ms(2026, 10, 25, 0, 30), ms(2026, 3, 29, 1, 30)],
        ),
    ],
)
def test_times(tmp_path: Path, texts: list[str], options: dict[str, Any], expected: list[int | None]) -> None:
    path = written(tmp_path, "ts,visitor_id,event\n" + "".join(f"{text},a,view\n" for text in texts))
    assert column(path, "ts", **options) == expected
    check = check_log([path], dialect=Dialect(**options))
    assert check.unusable == expected.count(None)
    if check.unusable:
        [fault] = check.faults
        assert (fault.field, fault.reason, fault.line, fault.value) == ("ts", "unreadable", 2, texts[0])
        with pytest.raises(
            LogError, match=r"ts unreadable: 2 \(first: '12/1/2026 8:26' in line 2.*--time-format"
        ):
            check.refuse(0.5)


def test_ids_are_one_text_in_every_format(tmp_path: Path) -> None:
    long = 20_530_135_556_318_827
    rows = {"ts": [T0] * 4, "visitor_id": ["00", "01", "02", "03"], "event": ["view"] * 4}
    floats = pl.DataFrame(rows | {"item_id": [512345.0, 7.0, None, 9.0]})
    whole = pl.DataFrame(rows | {"item_id": [512345, 7, None, long]})
    floats.write_parquet(tmp_path / "floats.parquet")
    floats.write_csv(tmp_path / "floats.csv")
    (tmp_path / "floats.jsonl").write_text(floats.write_ndjson())
    whole.write_parquet(tmp_path / "whole.parquet")
    whole.write_csv(tmp_path / "whole.csv")
    (tmp_path / "whole.jsonl").write_text(whole.write_ndjson())
    pl.DataFrame(
        rows | {"item_id": pl.Series(["512345.00", "7", None, "9"]).cast(pl.Decimal(12, 2))}
    ).write_parquet(tmp_path / "floats-of-cents.parquet")
    for path in tmp_path.iterdir():
        last = str(long) if path.name.startswith("whole") else "9"
        assert column(path, "item_id") == ["512345", "7", None, last], path.name
        assert column(path, "visitor_id") == ["00", "01", "02", "03"], path.name


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        (["user_id", "user_session"], "user_id"),
        (["customer_id", "session_id"], "customer_id"),
        (["user_session"], "user_session"),
        (["user_id", "client_id", "user_session"], "client_id"),
    ],
)
def test_the_user_is_the_visitor_not_the_session(tmp_path: Path, columns: list[str], taken: str) -> None:
    header, cells = ",".join(columns), [f"{name}-1" for name in columns]
    gap = ["" if name == taken else cell for name, cell in zip(columns, cells, strict=True)]
    rows = [cells, gap, cells, cells]
    path = written(
        tmp_path, "\n".join([f"ts,event,{header}", *(f"{T0},view,{','.join(row)}" for row in rows)])
    )
    assert column(path, "visitor_id") == [f"{taken}-1", None, f"{taken}-1", f"{taken}-1"]
    check = check_log([path])
    assert [(one.field, one.reason, one.rows, one.line) for one in check.faults] == [
        ("visitor_id", "missing", 1, 3)
    ]
    assert check.found == ([] if taken == "client_id" else [f"log.csv: visitors are told by {taken}"])


@pytest.mark.parametrize(
    ("text", "event", "mapping", "expected"),
    [
        (
            "userId,movieId,rating,timestamp\n1,11,4.0,1770000000\n",
            "rate_item",
            {"item_id": "movieId"},
            ("1", "11"),
        ),
        (
            "t_dat,customer_id,article_id,price\n2026-02-02,c-1,0108,1\n",
            "purchase",
            {"ts": "t_dat"},
            ("c-1", "0108"),
        ),
        ("order_id,client_id,sku,time\nO1,c,S-1,1770000000\n", "purchase", {}, ("c", "S-1")),
    ],
)
def test_logs_in_which_every_row_is_one_event(
    tmp_path: Path, text: str, event: str, mapping: dict[str, str], expected: tuple[str, str]
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(LogError, match="--event NAME if every row is one such event"):
        read_log([path], mapping)
    found = read_log([path], mapping, dialect=Dialect(event=event)).collect().row(0, named=True)
    assert (found["event"], found["visitor_id"], found["item_id"]) == (event, *expected)
    assert found["ts"] is not None
    other = read_log([path], mapping, dialect=Dialect(event="view_item")).collect()["event_id"][0]
    assert other != found["event_id"]


def test_unknown_event_names_are_named_with_their_cure(tmp_path: Path) -> None:
    names = ["view"] * 40 + ["lesson"] * 2 + ["quiz", ""]
    path = written(tmp_path, "ts,visitor_id,event\n" + "".join(f"{T0},v,{name}\n" for name in names))
    check = check_log([path])
    assert check.unknown == {"lesson": 2, "quiz": 1}
    assert {(one.reason, one.rows, one.line, one.value) for one in check.faults} == {
        ("not known", 3, 42, "lesson"),
        ("missing", 1, 45, None),
    }
    assert any("'lesson' in line 42" in note and "--event-map NAME=EVENT" in note for note in check.notes())
    check.refuse(0.5)
    mapped = check_log([path], events=EventNames({"lesson": "view_item", "quiz": "search"}))
    assert (mapped.unusable, mapped.unknown) == (1, {})


def test_rows_that_cannot_be_used_are_counted_by_reason_and_field(tmp_path: Path) -> None:
    good = f"{T0},v,view,1\n"
    bad = ["soon,v,view,1\n", f"{T0},,view,1\n", "1999-01-01,v,view,1\n", f"{T0},v\n", f"{T0},v,view,dear\n"]
    path = written(tmp_path, "ts,visitor_id,event,price\n" + good + "".join(bad) + good)
    check = check_log([path])
    assert (check.rows, check.unusable) == (7, 4)
    assert {(one.field, one.reason): (one.rows, one.line, one.value) for one in check.faults} == {
        ("ts", "unreadable"): (1, 3, "soon"),
        ("visitor_id", "missing"): (1, 4, None),
        ("ts", "not in 2000 to 2099"): (1, 5, "1999-01-01"),
        ("", "no row of the columns"): (1, 6, f"{T0},v"),
        ("price", "unreadable"): (1, 7, "dear"),
    }
    with pytest.raises(LogError, match=r"4 of 7 rows cannot be used .*expected at most 50%"):
        check.refuse(0.5)


OWN = {"event_id": "e1", "visitor_id": "anna", "ts": T0, "event": "view_item", "item_id": "A", "price": 9.5}
CAMEL = {"eventId": "e2", "visitorId": "anna", "timestamp": T0, "eventName": "purchase", "productId": "A"}
HALF = {**OWN, "event_id": "e3", "item_id": None, "ecommerce": {"items": [{"item_id": "B", "price": 4.0}]}}
SEGMENT = {
    "messageId": "e4",
    "anonymousId": "anna",
    "type": "track",
    "event": "Product Viewed",
    "timestamp": "2026-02-02T02:40:00Z",
    "properties": {"product_id": "C", "price": 3, "currency": "EUR"},
}
GA4 = {
    "event_date": "20260202",
    "event_timestamp": T0 * 1000,
    "event_name": "purchase",
    "user_pseudo_id": "anna",
    "event_params": [{"key": "transaction_id", "value": {"string_value": "T1", "int_value": None}}],
    "ecommerce": {"purchase_revenue": 30.5, "transaction_id": "T1"},
    "items": [{"item_id": "A", "price": 9.5, "quantity": 2}, {"item_id": "B", "price": 11.5, "quantity": 1}],
}


def as_worker(value: dict[str, Any]) -> dict[str, Any]:
    record = Record(0, 0, T0, b"anna", json.dumps(value).encode())
    [click] = Decoder(Limits(check_skew=False), Catalogue()).decode([record])
    assert isinstance(click, Click), click
    return {name: getattr(click, name) for name in WIRE_FIELDS}


@pytest.mark.parametrize("events", [[OWN], [CAMEL], [HALF], [SEGMENT], [OWN, CAMEL, HALF, SEGMENT], [GA4]])
@pytest.mark.parametrize("dumped", ["values", "records", "payloads", "array"])
def test_events_in_files_are_read_as_on_the_wire(tmp_path: Path, events: list[Any], dumped: str) -> None:
    path = tmp_path / "dump.json"
    lines: list[Any] = events
    if dumped == "records":
        lines = [{"key": "anna", "value": event} for event in events]
    elif dumped == "payloads":
        lines = [{"topic": "c", "offset": 1, "key": "anna", "payload": json.dumps(event)} for event in events]
    path.write_text(json.dumps(lines, indent=1) if dumped == "array" else "\n".join(map(json.dumps, lines)))
    found = read_log([path]).collect()
    for row, event in zip(found.iter_rows(named=True), events, strict=True):
        told = as_worker({"event_id": row["event_id"], **event} if event is GA4 else event)
        read = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        told = {name: value for name, value in told.items() if value is not None and name != "schema_version"}
        assert {
            name: value for name, value in read.items() if value is not None and name != "schema_version"
        } == told


def test_nested_parquet_is_read_as_json(tmp_path: Path) -> None:
    pl.DataFrame([GA4, {**GA4, "user_pseudo_id": "ben"}]).write_parquet(tmp_path / "ga4.parquet")
    (tmp_path / "ga4.jsonl").write_text("\n".join(map(json.dumps, [GA4, {**GA4, "user_pseudo_id": "ben"}])))
    one, other = (read_log([tmp_path / name]).collect() for name in ("ga4.parquet", "ga4.jsonl"))
    assert one.drop("event_id").equals(other.drop("event_id"))
    assert one["value"].to_list() == [30.5, 30.5]
    assert one["basket"].to_list() == [["B"], ["B"]]
    assert one["event_id"].n_unique() == 2
    assert open_log(tmp_path / "ga4.parquet").form == "ga4_bigquery"


def test_refused_events_are_rows_and_named(tmp_path: Path) -> None:
    lines = [
        json.dumps(HALF),
        json.dumps({**HALF, "ts": "soon"}),
        "{oops",
        json.dumps({**HALF, "event": "teleport"}),
    ]
    path = written(tmp_path, "\n".join(lines), "log.jsonl")
    assert column(path, "visitor_id") == ["anna", None, None, None]
    check = check_log([path])
    assert (check.rows, check.unusable, check.unknown) == (4, 3, {"teleport": 1})
    assert [(one.field, one.line) for one in check.faults] == [("ts", 2), ("", 3), ("event", 4)]
    mapped = open_log(path, {}, DETECTED, EventNames({"teleport": "search"})).fields.collect()
    assert mapped["event"].to_list() == ["view_item", None, None, "search"]


def test_a_mapping_reaches_into_nested_events(tmp_path: Path) -> None:
    event = {"meta": {"who": "anna"}, "at": T0, "kind": "view_item", "thing": {"code": "A"}}
    path = written(tmp_path, json.dumps(event), "log.jsonl")
    mapping = {"visitor_id": "meta.who", "ts": "at", "event": "kind", "item_id": "thing.code"}
    found = read_log([path], mapping).collect().row(0, named=True)
    assert (found["visitor_id"], found["ts"], found["item_id"]) == ("anna", T0, "A")


def test_event_ids_are_those_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = f"ts,visitor_id,event\n{T0},a,view\n{T0},a,view\n"
    one, copy = written(tmp_path, text), written(tmp_path, text, "renamed.csv")
    other = written(tmp_path / "other", text.replace("a,view", "b,view"))
    assert column(one, "event_id") == column(one, "event_id") == column(copy, "event_id")
    assert read_log([one, other]).collect()["event_id"].n_unique() == 4
    written(tmp_path, text.replace("a,view", "c,view"))
    assert set(column(one, "event_id")).isdisjoint(column(copy, "event_id"))


PRODUCTS = (
    "Handle,Title,Vendor,Type,Variant SKU,Variant Price,Status\nmug,Mug,Acme,Kitchen,C-MUG,9.50,active\n"
)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (PRODUCTS, {}),
        (PRODUCTS.replace("Variant SKU", "Code"), {"item_id": "Code"}),
        (
            PRODUCTS.replace("Variant SKU", "id").replace("Variant Price", "cost"),
            {"item_id": "id", "items.price": "cost"},
        ),
        (PRODUCTS.replace("Variant SKU", "Code").replace(",", ";"), {"items.item_id": "Code"}),
    ],
)
def test_a_mapping_is_for_the_catalogue_too(tmp_path: Path, text: str, given: dict[str, str]) -> None:
    items = written(tmp_path, text, "products.csv")
    log = written(tmp_path, f"ts,visitor_id,event,item_id\n{T0},a,view,C-MUG\n")
    of_events, of_items = mappings([log], items, given, DETECTED)
    assert of_events == {}
    shop = catalogue(items, of_items)
    item = shop["C-MUG"]
    assert (item.title, item.brand, item.category, item.price, item.status) == (
        "Mug",
        "Acme",
        "Kitchen",
        9.5,
        "active",
    )
    assert read_log([log], of_events).collect()["item_id"].to_list() == ["C-MUG"]


def test_a_file_of_properties_is_no_catalogue(tmp_path: Path) -> None:
    text = "timestamp,itemid,property,value\n1,7,categoryid,3\n1,7,790,n12\n1,8,categoryid,4\n"
    with pytest.raises(
        LogError, match=r"3 rows of 2 items and nothing else known of an item.*one row an item"
    ):
        catalogue(written(tmp_path, text, "items.csv"))


def test_a_catalogue_of_bare_ids_is_told(tmp_path: Path) -> None:
    for text in ("sku\nA\nB\n", "item_id;Preis\nA;1\nB;2\n", "ID;Preis\nA;1\n"):
        path, mapping = written(tmp_path, text, "items.csv"), {"item_id": "ID"} if "ID" in text else {}
        [note] = bare_items(path, mapping)
        assert "has nothing known of its items but their ids" in note
    assert bare_items(path, {"item_id": "ID", "price": "Preis"}) == []


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    for name in ("log.jsonl", "log.csv"):
        for title in ('27" tv', 'a 32" tv'):
            row = {"ts": T0, "visitor_id": "a", "event": "view", "page": title}
            text = (
                json.dumps(row) if name == "log.jsonl" else f"ts,visitor_id,event,page\n{T0},a,view,{title}\n"
            )
            assert column(written(tmp_path, text, name), "page") == [title]


def test_the_moment_of_a_zone_is_utc() -> None:
    assert ms(2026, 5, 1, 10, zone="Europe/Berlin") == int(
        datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp() * 1000
    )


@pytest.mark.parametrize(
    ("names", "rows", "expected"),
    [
        ("year,month,day", ["2008,4,1", "2008,08,13"], [ms(2008, 4, 1), ms(2008, 8, 13)]),
        ("Day,Month,Year", ["1,4,2008", "13,x,2008"], [ms(2008, 4, 1), None]),
        ("year,month,day,ts", [f"2008,4,1,{T0}", "2008,4,1,"], [T0, None]),
    ],
)
def test_dates_in_columns_of_their_parts(
    tmp_path: Path, names: str, rows: list[str], expected: list[int | None]
) -> None:
    text = f"{names},session_id,event\n" + "".join(f"{row},a,view\n" for row in rows)
    path = written(tmp_path, text)
    assert column(path, "ts") == expected
    assert check_log([path]).unusable == expected.count(None)
    parts = pl.read_csv(path)
    if "ts" not in parts.columns:
        parts.write_parquet(tmp_path / "log.parquet")
        assert column(tmp_path / "log.parquet", "ts") == expected


@pytest.mark.parametrize(
    ("names", "field", "expected", "said"),
    [
        ("Item ID,item_id", "item_id", "2", "Item ID is not read beside item_id"),
        ("Item ID,itemId", "item_id", "1", "itemId is not read beside Item ID"),
        ("price,price", "price", 1.0, "a second column of one name is called 'price 5', and is not read"),
    ],
)
def test_of_two_columns_of_a_name_the_one_that_is_left_out_is_told(
    tmp_path: Path, names: str, field: str, expected: object, said: str
) -> None:
    path = written(tmp_path, f"visitor_id,event,ts,{names}\nv,view_item,{T0},1,2\n")
    assert column(path, field) == [expected]
    assert said in "; ".join(check_log([path]).found)
