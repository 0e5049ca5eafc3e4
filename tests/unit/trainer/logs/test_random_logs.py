"""Random logs, as libraries, spreadsheets and databases write them: in every format the same rows."""

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import zstandard
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trainer.logs.log_checks import check_log
from trainer.logs.log_files import read_log

T0 = 1_770_000_000_000
_TITLES = st.text(
    st.characters(
        codec="cp1252", exclude_characters="\x7f", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")
    ),
    min_size=1,
    max_size=12,
)
_ODD = st.sampled_from(
    ['27" tv', 'a, "b"', "x; y", "tab\there", '"', '""', "two\nlines", "Küche", "a|b", "'q'"]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "visitor_id": st.from_regex(r"[a-z]{1,3}0[0-9]{1,4}", fullmatch=True),
            "ts": st.integers(T0, T0 + 10**9).map(lambda ms: ms // 1000 * 1000),
            "event": st.sampled_from(["view", "cart", "purchase"]),
            "item_id": st.one_of(st.none(), st.from_regex(r"[0-9]{17}|0[0-9]{4}|S-[0-9]{3}", fullmatch=True)),
            "price": st.one_of(st.none(), st.integers(1, 10**7).map(lambda cents: cents / 100)),
            "page": st.one_of(_ODD, _TITLES).map(lambda text: f"/{text}!"),
        }
    ),
    min_size=1,
    max_size=12,
)
Rows = list[dict[str, Any]]


def delimited(
    delimiter: str, quoting: int, end: str, encoding: str, doubled: bool = True
) -> Callable[[Rows], bytes]:
    """The standard library's writer."""

    def write(rows: Rows) -> bytes:
        made = io.StringIO(newline="")
        writer = csv.DictWriter(made, list(rows[0]), delimiter=delimiter, quoting=quoting, lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)
        return made.getvalue().encode(encoding)

    return write


def spreadsheet(rows: Rows) -> bytes:
    """As Excel in German: `;`, decimal commas, local dates, Windows-1252."""
    local = [
        row
        | {
            "price": None if row["price"] is None else f"{row['price']:,.2f}".translate({44: ".", 46: ","}),
            "ts": pl.Series([row["ts"]]).cast(pl.Datetime("ms")).dt.strftime("%d.%m.%Y %H:%M:%S")[0],
        }
        for row in rows
    ]
    return delimited(";", csv.QUOTE_MINIMAL, "\r\n", "cp1252")(local)


def frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides={"price": pl.Float64, "item_id": pl.String})


def parquet(rows: Rows) -> bytes:
    made = io.BytesIO()
    frame(rows).with_columns(pl.col("ts").cast(pl.Datetime("ms")).cast(pl.Datetime("ns"))).write_parquet(made)
    return made.getvalue()


def archive(text: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("log.txt", text)
    return made.getvalue()


WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "polars.csv": lambda rows: frame(rows).write_csv().encode(),
    "always.csv": lambda rows: frame(rows).write_csv(quote_style="always", separator="|").encode(),
    "rfc.csv": delimited(",", csv.QUOTE_ALL, "\r\n", "utf-8-sig"),
    "lib.tsv": delimited("\t", csv.QUOTE_MINIMAL, "\n", "utf-8"),
    "lib16.txt": delimited(",", csv.QUOTE_NONNUMERIC, "\n", "utf-16"),
    "sheet.csv": spreadsheet,
    "lines.jsonl": lambda rows: "\n".join(json.dumps(row) for row in rows).encode(),
    "sparse.jsonl": lambda rows: "\n".join(
        json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False)
        for row in rows
    ).encode(),
    "array.json": lambda rows: json.dumps(rows, indent=2).encode(),
    "camel.json": lambda rows: json.dumps(
        [{"visitorId": row["visitor_id"], "itemId": row["item_id"], **row} for row in rows]
    ).encode(),
    "nested.jsonl": lambda rows: "\n".join(
        json.dumps({"visitor_id": row["visitor_id"], "ts": row["ts"], "event": row["event"], "params": row})
        for row in rows
    ).encode(),
    "log.parquet": parquet,
}
PACKERS: tuple[Callable[[bytes], bytes], ...] = (bytes, gzip.compress, zstandard.compress, archive)


def files(rows: Rows, folder: Path, seed: int) -> Iterator[Path]:
    chosen = random.Random(seed)
    for name, write in WRITERS.items():
        path = folder / name
        path.write_bytes(chosen.choice(PACKERS if name != "log.parquet" else PACKERS[:1])(write(rows)))
        yield path


@settings(max_examples=40, deadline=None, phases=(Phase.generate,), derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 1000))
def test_every_format_gives_the_same_rows(tmp_path_factory: Any, rows: Rows, seed: int) -> None:
    names = {"view": "view_item", "cart": "add_to_cart", "purchase": "purchase"}
    told = [row | {"event": names[row["event"]]} for row in rows]
    for path in files(rows, tmp_path_factory.mktemp("logs"), seed):
        found = read_log([path]).collect()
        # A field that no row has is no column of some formats.
        read = [{name: row.get(name) for name in rows[0]} for row in found.iter_rows(named=True)]
        assert read == told, path.name
        assert found["event_id"].n_unique() == len(rows)
        assert check_log([path]).unusable == 0
