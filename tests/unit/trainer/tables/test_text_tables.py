"""Delimited text as it comes: quotes, encodings, delimiters, damaged lines. No row vanishes."""

import gzip
import io
import zipfile
from pathlib import Path

import cramjam
import polars as pl
import pytest

from trainer.tables import odd_lines
from trainer.tables.dialect import Dialect
from trainer.tables.log_error import LogError
from trainer.tables.open_table import open_table
from trainer.tables.table import BROKEN, LINE

HEADER = ["ts", "who", "title", "price"]


def table(path: Path, text: str | bytes, **dialect: object) -> pl.DataFrame:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_table(path, Dialect(**dialect)).frame.collect()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("titles", "written"),
    [
        (['27" monitor', '32" tv'], ['27" monitor', '32" tv']),
        (['27"', "lamp"], ['27"', "lamp"]),
        (['"Retro" lamp', "mug"], ['"Retro" lamp', "mug"]),
        (['"27 tv', "mug"], ['"27 tv', "mug"]),
        (['"27 tv', '27"'], ['"27 tv', '27"']),
        (['a "quoted" word', '5" x 7"'], ['"a ""quoted"" word"', '5" x 7"']),
        (['two\nlines, 27" wide', '32" tv'], ['"two\nlines, 27"" wide"', '32" tv']),
        (["Kitchen,\nwall", "Kitchen"], ['"Kitchen,\nwall"', "Kitchen"]),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_quotes_lose_no_row(
    tmp_path: Path, delimiter: str, titles: list[str], written: list[str], last: bool
) -> None:
    order = ["ts", "who", "price", "title"] if last else HEADER
    plain = [{"ts": "1", "who": "a", "price": "2.5", "title": "lamp"}] * 3
    odd = [{"ts": "1", "who": "b", "price": "9", "title": title} for title in written]
    lines = [
        delimiter.join(order),
        *(delimiter.join(row[name] for name in order) for row in plain + odd + plain),
    ]
    found = table(tmp_path / "log.txt", "\n".join(lines) + "\n")
    assert found.height == 8
    assert found["title"].to_list() == ["lamp"] * 3 + titles + ["lamp"] * 3
    assert found["who"].to_list() == ["a"] * 3 + ["b", "b"] + ["a"] * 3
    assert found[BROKEN].null_count() == 8


def test_what_shows_first_after_many_rows_is_read_as_at_the_beginning(tmp_path: Path) -> None:
    rows = ["1,a,lamp,9"] * 30_000
    rows[25_000:25_003] = ['1,b,27" tv,9', '1,b,"Kitchen, wall",9', '1,b,"two\nlines",9']
    found = table(tmp_path / "log.csv", "\n".join([",".join(HEADER), *rows]))
    assert found.height == 30_000
    assert found.filter(pl.col("who") == "b")["title"].to_list() == ['27" tv', "Kitchen, wall", "two\nlines"]
    assert found.filter(pl.col("who") == "b")[LINE].to_list() == [25_002, 25_003, 25_004]
    assert found[LINE][-1] == 30_002


def test_lines_without_a_reading_are_rows_with_their_text(tmp_path: Path) -> None:
    text = "ts,who,title,price\n1,a,lamp,9\n1,a\n1,a,b,c,d\n\n1,a,lamp,9,\n1,b,tv,8\n"
    found = table(tmp_path / "log.csv", text)
    assert found[BROKEN].to_list() == [None, "1,a", "1,a,b,c,d", None, None]
    assert found[LINE].to_list() == [2, 3, 4, 6, 7]
    assert found["title"].to_list() == ["lamp", None, None, "lamp", "tv"]


def test_a_quoted_field_of_more_lines_than_any_has_is_broken_not_the_rest_of_the_file(tmp_path: Path) -> None:
    rows = ["1,a,lamp,9"] * 2_000
    rows[10] = '1,a,"never closed\nand on'
    found = table(tmp_path / "log.csv", "\n".join([",".join(HEADER), *rows]))
    assert found[BROKEN].drop_nulls().to_list() == ['1,a,"never closed', "and on"]
    assert found.height == 2_001 > odd_lines._LINES


@pytest.mark.parametrize(
    ("encoding", "given"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", None),
        ("utf-16", None),
        ("utf-16-le", None),
        ("cp1250", "cp1250"),
        ("iso-8859-15", "iso-8859-15"),
        ("utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path: Path, encoding: str, given: str | None, end: str) -> None:
    title = "Küche für Jürgen"
    text = end.join(["ts;who;title", f"1;a;{title}", "2;b;x", ""])
    found = table(tmp_path / "log.csv", text.encode(encoding), encoding=given)
    assert found.columns == ["ts", "who", "title", LINE, BROKEN]
    assert found["title"].to_list() == [title, "x"]


def test_text_in_no_encoding_that_is_tried_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(
        LogError, match=r"log.csv is neither UTF-8 nor Windows-1252 text: name its --encoding"
    ):
        table(tmp_path / "log.csv", b"ts,who\n1,\x81\x8d\n")
    with pytest.raises(LogError, match=r"log.csv is no text in utf-8.*: name another --encoding"):
        table(tmp_path / "log.csv", b"ts,who\n1,\xff\n", encoding="utf-8")


def compressed(name: str, text: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(text)
    if name.endswith(".zst"):
        return bytes(cramjam.zstd.compress(text[:20])) + bytes(cramjam.zstd.compress(text[20:]))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/log.csv", text)
        archive.writestr("__MACOSX/export/._log.csv", b"\0\0")
    return held.getvalue()


@pytest.mark.parametrize("name", ["log.csv.gz", "log.csv.zst", "log.zip", "named-wrongly.csv.zst"])
def test_compressed_files_are_their_content(tmp_path: Path, name: str) -> None:
    text = b"ts,who\n" + b"1,a\n" * 1_000
    plain, packed = tmp_path / "plain.csv", tmp_path / name
    plain.write_bytes(text)
    packed.write_bytes(compressed(name.replace("named-wrongly.csv.zst", "x.gz"), text))
    one, other = open_table(plain), open_table(packed)
    assert other.frame.collect().equals(one.frame.collect())
    assert other.fingerprint == one.fingerprint


def test_a_packed_file_in_an_archive_is_its_content(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("log.csv.gz", gzip.compress(b"ts,who\n1,a\n"))
    for content in (held.getvalue(), gzip.compress(held.getvalue())):
        assert table(tmp_path / "log.zip", content).drop(LINE, BROKEN).rows() == [("1", "a")]


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
        archive.writestr("b.csv", "a,b\n1,2\n")
    sheet = io.BytesIO()
    with zipfile.ZipFile(sheet, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    none = io.BytesIO()
    zipfile.ZipFile(none, "w").close()
    deep = b"a,b\n1,2\n"
    for _ in range(9):
        deep = gzip.compress(deep)
    cases = [
        (none.getvalue(), r"has 0 files \(none\), expected one"),
        (deep, "is packed 4 times or more: unpack it"),
        (two.getvalue(), r"has 2 files \(a.csv, b.csv\), expected one: unpack it and name one"),
        (two.getvalue()[:-30], "is no whole zip archive"),
        (sheet.getvalue(), "is an office workbook: save it as CSV"),
        (gzip.compress(b"a,b\n" * 99)[:-6], "cannot be read"),
        (bytes(cramjam.zstd.compress(b"a,b\n" * 99))[:-6], "in the middle"),
        (
            bytes(cramjam.zstd.compress(b"".join(b"%d,x\n" % (n * n) for n in range(99_999))))[:-9],
            "in the middle",
        ),
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
    ]
    for content, message in cases:
        with pytest.raises(LogError, match=message):
            table(tmp_path / "log.csv", content)


def test_a_file_without_a_header_asks_for_its_columns(tmp_path: Path) -> None:
    text = "101,5001,901,pv,1770000000\n101,5002,,buy,1770000060\n"
    with pytest.raises(
        LogError, match=r"log.dat has no header: its first line is '101,5001.*--columns COLUMN1"
    ):
        table(tmp_path / "log.dat", text)
    found = table(tmp_path / "log.dat", text, columns=("visitor_id", "item_id", "", "event", "ts"))
    assert found.drop(LINE, BROKEN).rows() == [
        ("101", "5001", "pv", "1770000000"),
        ("101", "5002", "buy", "1770000060"),
    ]
    with pytest.raises(LogError, match=r"--columns names 2 columns, but the first line of log.dat has 5"):
        table(tmp_path / "log.dat", text, columns=("a", "b"))
    with pytest.raises(LogError, match=r"log.dat begins with one: leave it out"):
        table(tmp_path / "log.dat", "who,what\na,b\n", columns=("who", "event"))


@pytest.mark.parametrize(
    "text", ["sep=;\nts;who\n1;a,b\n", '"sep=;"\r\nts;who\r\n1;a,b\r\n', "\n\nts;who\n1;a,b\n"]
)
def test_lines_before_the_header(tmp_path: Path, text: str) -> None:
    found = table(tmp_path / "log.csv", text)
    assert found["who"].to_list() == ["a,b"]
    assert found[LINE].to_list() == [text.count("\n")]


def test_columns_of_one_name_and_of_none_are_different(tmp_path: Path) -> None:
    found = table(tmp_path / "log.csv", "ts,price,price,\n1,2,3,4\n")
    assert found.columns[:4] == ["ts", "price", "price 3", "column 4"]
    assert found.row(0)[:4] == ("1", "2", "3", "4")


def test_escapes_of_a_database_are_undone(tmp_path: Path) -> None:
    text = (
        '"1","a","27\\" tv, new",\\N\n'
        '"2","b","two\\\nlines","9"\n'
        "3,c,back\\\\slash,8\n"
        '4,d,"27 tv,7\n'
        "5,e,comma\\, and tab\\t.,6\n"
        "6,f\n"
        '7,g,"ends in\nquotes",5\n'
    )
    found = table(tmp_path / "log.csv", f"ts,who,title,price\n{text}", escape="\\")
    titles = [
        '27" tv, new',
        "two\nlines",
        "back\\slash",
        '"27 tv',
        "comma, and tab\t.",
        None,
        "ends in\nquotes",
    ]
    assert found["title"].to_list() == titles
    assert found["price"].to_list() == [None, "9", "8", "7", "6", None, "5"]
    assert found[BROKEN].to_list() == [None] * 5 + ["6,f", None]
    assert found[LINE].to_list() == [2, 3, 5, 6, 7, 8, 9]
    named = table(tmp_path / "log.tsv", "x\\\ty\\\nz\tb\n1\t2\n", escape="\\", columns=("title", "who"))
    assert named.select("title", "who").rows() == [("x\ty\nz", "b"), ("1", "2")]
