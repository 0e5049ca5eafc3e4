"""Columns of a log are checked by its header."""

import gzip

import polars as pl
import pytest

from trainer.logs.log_columns import check_columns
from trainer.logs.reading import LogError


def test_columns_are_checked_by_the_header_alone(tmp_path):
    good = tmp_path / "good.csv.gz"
    # The rest of the file is missing: nothing but the first line can be read.
    good.write_bytes(gzip.compress(b'"ts",who,event\n1,v,view_item\n')[:-6])
    check_columns([good], {"visitor_id": "who"})
    with pytest.raises(LogError, match=r"good\.csv\.gz has no column for visitor_id"):
        check_columns([good], {})
    frame = pl.DataFrame({"ts": [1], "who": ["v"], "event": ["view"], "basket": [["a"]]})
    frame.write_parquet(tmp_path / "log.parquet")
    check_columns([tmp_path / "log.parquet"], {"visitor_id": "who"})
    with pytest.raises(LogError, match=r"--map visitor_id=whom: log\.parquet has no such column"):
        check_columns([tmp_path / "log.parquet"], {"visitor_id": "whom"})


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet", "log.jsonl", "log.txt"])
def test_what_has_no_header_is_left_to_who_reads_the_rows(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    check_columns([tmp_path / name, tmp_path / f"absent-{name}"], {"ts": "no such"})
