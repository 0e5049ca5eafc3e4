"""Files of JSON: lines, arrays, documents; keys and types are those of all rows."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trainer.tables.log_error import LogError
from trainer.tables.open_table import open_table
from trainer.tables.table import BROKEN, LINE

ROWS: list[dict[str, Any]] = [{"a": number, "b": "x"} for number in range(12_000)]


def read(path: Path) -> pl.DataFrame:
    return open_table(path).frame.collect()


@pytest.mark.parametrize("late", [10.99, "SKU-7", None, True, 20_530_135_556_318_826])
def test_what_changes_after_many_rows(tmp_path: Path, late: Any) -> None:
    rows = [*ROWS, {"a": late, "c": "new"}]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path / "log.jsonl")
    told = {None: None, True: "true"}.get(late, str(late)) if late is None or late is True else str(late)
    assert found["a"].to_list() == [*map(str, range(12_000)), told]
    assert found["c"].drop_nulls().to_list() == ["new"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, ROWS[:3])),
        "\r\n".join(map(json.dumps, ROWS[:3])) + "\r\n\r\n",
        json.dumps(ROWS[:3]),
        json.dumps(ROWS[:3], indent=2),
        "\ufeff" + json.dumps(ROWS[:3]),
    ],
)
def test_lines_and_arrays_are_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.json").write_text(text)
    found = read(tmp_path / "log.json")
    assert found.drop(LINE, BROKEN).rows() == [("0", "x"), ("1", "x"), ("2", "x")]
    assert found[LINE].to_list() == [1, 2, 3]


def test_one_document_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(ROWS[7], indent=1))
    assert read(tmp_path / "one.json").drop(LINE, BROKEN).rows() == [("7", "x")]


@pytest.mark.parametrize("broken", ["{oops", "[1, 2]", "17", '{"a": 1'])
def test_a_broken_line_is_a_row_with_its_text(tmp_path: Path, broken: str) -> None:
    lines = [*map(json.dumps, ROWS[:2]), broken, json.dumps(ROWS[2])]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    found = read(tmp_path / "log.jsonl")
    assert found[BROKEN].to_list() == [None, None, broken, None]
    assert found["a"].to_list() == ["0", "1", None, "2"]


def test_ids_are_one_text_in_every_type(tmp_path: Path) -> None:
    given = [512345, 512345.0, "512345", "000512", 17_602_053_013_555_631]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps({"id": one}) for one in given))
    told = ["512345", "512345", "512345", "000512", "17602053013555631"]
    assert read(tmp_path / "log.jsonl")["id"].to_list() == told


def test_a_list_of_rows_in_one_object_is_named(tmp_path: Path) -> None:
    rows = [{"visitor_id": "v", "event": "view_item", "item_id": "i", "ts": 1_772_355_600}] * 2
    for wrapped in ({"rows": rows}, {"count": 2, "data": rows}):
        (tmp_path / "log.json").write_text(json.dumps(wrapped, indent=1))
        name = list(wrapped)[-1]
        with pytest.raises(LogError, match=f"around a list of 2 rows, '{name}': write that list alone"):
            open_table(tmp_path / "log.json")


@pytest.mark.parametrize(
    "event",
    [
        {"visitor_id": "v", "event": "purchase", "items": [{"item_id": "i"}]},
        {"client_id": "c", "events": [{"name": "view_item", "params": {"items": [{"item_id": "i"}]}}]},
    ],
)
def test_an_event_with_a_list_is_no_wrapper(tmp_path: Path, event: dict[str, Any]) -> None:
    (tmp_path / "one.json").write_text(json.dumps(event))
    assert read(tmp_path / "one.json").height == 1
