"""Items that a table holds as JSON text in one column."""

import json
from pathlib import Path

import polars as pl
import pytest

from models.contract.events import Click
from models.contract.normalise import normalise
from trainer.logs.log_files import read_log
from trainer.logs.open_log import open_log

ITEMS = [{"product_id": "P0", "price": 5, "quantity": 2}, {"sku": "Q0", "price": 7.5, "brand": "b"}]
FIELDS = ("item_id", "price", "quantity", "basket", "basket_prices", "basket_quantities")


def written(folder: Path, header: str, *rows: tuple[object, ...], name: str = "log.csv") -> Path:
    columns = header.split(",")
    frame = pl.DataFrame([list(map(str, row)) for row in rows], schema=columns, orient="row")
    frame.write_csv(folder / name)
    return folder / name


def only(path: Path) -> dict[str, object]:
    return read_log([path]).collect().row(0, named=True)


@pytest.mark.parametrize("name", ["items", "products", "line_items", "Order Items"])
def test_a_row_has_the_items_that_a_worker_reads_in_an_array(tmp_path: Path, name: str) -> None:
    text = json.dumps(ITEMS)
    path = written(tmp_path, f"visitor_id,event,ts,{name}", ("v", "purchase", "2026-03-01", text))
    event = {"event_id": "e", "visitor_id": "v", "event": "purchase", "ts": "2026-03-01", name: ITEMS}
    click = normalise(json.dumps(event).encode())
    assert isinstance(click, Click)
    row = only(path)
    for field in FIELDS:
        sent, read = getattr(click, field), row[field]
        assert (tuple(read) if isinstance(read, list) else read) == sent, field
    assert (row["item_id"], row["price"], row["basket"], row["basket_prices"]) == ("P0", 5, ["Q0"], [7.5])


def test_prices_of_lists_have_points_whatever_the_table_has(tmp_path: Path) -> None:
    rows = [
        ("v", "view_item", "2026-03-01", "1", "1.012,50", ""),
        ("v", "purchase", "2026-03-02", "", "", json.dumps(ITEMS[1:])),
        ("v", "view_item", "2026-03-01", "3", "12,5", "(not set)"),
    ]
    path = written(tmp_path, "visitor_id,event,ts,item_id,price,products", *rows)
    frame = read_log([path]).collect()
    assert frame["price"].to_list() == [1012.5, 7.5, 12.5]
    assert frame["item_id"].to_list() == ["1", "Q0", "3"]


def test_the_rows_own_item_comes_first_and_texts_that_are_no_lists_are_told(tmp_path: Path) -> None:
    rows = [
        ("v", "purchase", "2026-03-01", "Q0", json.dumps(ITEMS)),
        ("v", "purchase", "2026-03-02", "(not set)", "[{'product_id': 'P0'}]"),
        ("v", "purchase", "2026-03-02", "", '["P0"]'),
        ("v", "page_view", "2026-03-02", "", "[]"),
    ]
    path = written(tmp_path, "visitor_id,event,ts,item_id,products", *rows)
    frame = read_log([path]).collect()
    assert frame["item_id"].to_list() == ["Q0", None, None, None]
    assert frame["basket"][0].to_list() == ["P0"]
    assert "2 texts in products are no lists of items" in open_log(path).found


def test_segments_tables_are_known_with_their_ids(tmp_path: Path) -> None:
    header = "id,anonymous_id,user_id,received_at,event,order_id,revenue,products"
    when, text = "2026-03-01 10:00:00.123 UTC", json.dumps(ITEMS)
    path = written(tmp_path, header, ("m0", "a0", "", when, "order_completed", "O0", 12.5, text))
    row = only(path)
    assert (row["event_id"], row["visitor_id"], row["user_id"]) == ("m0", "a0", None)
    assert (row["event"], row["item_id"], row["value"]) == ("purchase", "P0", 12.5)


def test_a_product_that_is_an_id_is_no_list(tmp_path: Path) -> None:
    path = written(tmp_path, "visitor_id,event,ts,product", ("v", "view_item", "2026-03-01", "P0"))
    assert "basket" not in only(path)
    assert "item_id" not in only(path)
