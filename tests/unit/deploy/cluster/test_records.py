"""Log rows as records: JSON without nulls, original values where typing loses them, bounded batches."""

import json
from pathlib import Path

import polars as pl
import pytest

from deploy.cluster.records import RecordSource, batches, catalogue, encode
from deploy.cluster.replay import Pace

DATA = Path(__file__).parents[4].parent / "shared" / "data"
SHIPPED = Path(__file__).parents[4] / "deploy" / "data" / "rees46_electronics.csv.gz"


def test_nulls_are_left_out_and_look_alikes_inside_text_stay():
    tricky = ['","brand":null', '{"a":null,"b":null}', "a\\", 'x","price":null,"y', "é\u2028"]
    frame = pl.DataFrame(
        {"id": [str(n) for n in range(5)], "text": tricky, "none": [None] * 5},
        schema_overrides={"none": pl.String},
    )
    assert [json.loads(value) for value in encode(frame)] == [
        {"id": str(n), "text": t} for n, t in enumerate(tricky)
    ]


def test_batches_do_not_change_the_rows():
    whole = [
        row for batch in batches(RecordSource(SHIPPED, limit=1_000), rows=10_000) for row in batch.values
    ]
    pieces = [row for batch in batches(RecordSource(SHIPPED, limit=1_000), rows=7) for row in batch.values]
    assert whole == pieces
    assert len(whole) == 1_000


def test_batches_are_as_small_as_asked():
    assert max(len(batch.values) for batch in batches(RecordSource(SHIPPED, limit=5_000), rows=500)) <= 500


def test_the_shipped_log_is_in_order_of_time():
    times = [ts for batch in batches(RecordSource(SHIPPED)) for ts in batch.ts.tolist()]
    assert times == sorted(times)
    assert len(times) == 103_193


def test_a_catalogue_says_the_last_known_of_each_item(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "ts,visitor_id,event,item_id,brand,price\n1,v,view,a,x,1\n2,v,view,a,,2\n3,v,view,b,,\n4,v,login,,,\n"
    )
    batch = catalogue(RecordSource(log), None)
    found = {key: json.loads(value) for key, value in zip(batch.keys, batch.values, strict=True)}
    assert found == {b"a": {"item_id": "a", "brand": "x", "price": 2.0}, b"b": {"item_id": "b"}}


def test_a_log_that_says_nothing_of_its_items_gives_no_catalogue(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("ts,visitor_id,event,item_id\n1,v,view,a\n")
    assert catalogue(RecordSource(log), None).keys == []
    log.write_text("ts,visitor_id,event,price\n1,v,view,1\n")
    assert catalogue(RecordSource(log), None).keys == []


def test_due_times():
    batch = next(batches(RecordSource(SHIPPED, limit=50)))
    first = int(batch.ts[0])
    assert Pace().due(batch, 0, first) is None
    assert Pace(rate=100).due(batch, 10, first)[:2].tolist() == pytest.approx([0.1, 0.11])
    assert Pace(speed=1000).due(batch, 0, first)[-1] == pytest.approx((batch.ts[-1] - first) / 1e6)


def test_rows_out_of_order_are_due_with_those_before_them(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "ts,visitor_id,event\n" + "".join(f"{1_600_000_000_000 + t},v,view\n" for t in (0, 5000, 1000, 6000))
    )
    batch = next(batches(RecordSource(log)))
    assert Pace(speed=1).due(batch, 0, 1_600_000_000_000).tolist() == [0, 5, 5, 6]


@pytest.mark.parametrize(
    "path",
    ["gstore/gstore_2016-08_09.parquet", "rees46_multicat/2019-10-01_first_hours.csv.gz"],
)
def test_known_logs_need_no_mapping(path):
    if not (DATA / path).exists():
        pytest.skip(f"{DATA / path} is not on this machine")
    source = RecordSource(DATA / path, limit=10_000)
    assert source.rows() == 10_000
    for batch in batches(source):
        assert (batch.ts > 1_400_000_000_000).all()
        assert None not in batch.keys
