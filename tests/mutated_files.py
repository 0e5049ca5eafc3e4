"""Logs as files of each kind, mutated. The same seed gives the same files."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import polars as pl

from tests import mutating
from tests.fuzzing import START
from tests.mutating import Tree
from tests.rendering import RENDERERS

ROWS = 40
_NAMES = ("ts", "visitor_id", "event", "item_id", "price", "quantity", "page")
_EVENTS = ("view_item", "view_item", "page_view", "add_to_cart", "purchase")


class MutatedFile(NamedTuple):
    """A file's name and content. `rows` is how many rows it has, where its content was changed by rows."""

    name: str
    content: bytes
    rows: int | None


def _row(rng: random.Random, number: int) -> Tree:
    return {
        "ts": START + number * 1000,
        "visitor_id": f"v{rng.randrange(5)}",
        "event": rng.choice(_EVENTS),
        "item_id": f"i{rng.randrange(9)}",
        "price": rng.randrange(1, 9999) / 100,
        "quantity": rng.randrange(1, 5),
        "page": rng.choice(("/a", "/a, b", '27" monitor', "")),
    }


def _rows(rng: random.Random) -> list[Tree]:
    """Rows of a table, a few of them with odd values or without some."""
    rows = [_row(rng, number) for number in range(ROWS)]
    for row in rng.sample(rows, rng.choice((0, 1, 5, 20))):
        name = rng.choice(_NAMES)
        row[name] = mutating.odd(rng)
        if rng.random() < 0.2:
            del row[rng.choice(_NAMES)]
    return rows


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode()


def _csv(rng: random.Random) -> MutatedFile:
    """Delimited text; some lines have a field too many or too few."""
    rows = [[_text(row.get(name)) for name in _NAMES] for row in _rows(rng)]
    for row in rng.sample(rows, rng.choice((0, 0, 1, 3))):
        row[:] = rng.choice((row[:-1], [*row, "more"], row[:3]))
    out = io.StringIO(newline="")
    ends = rng.choice(("\n", "\r\n"))
    writer = csv.writer(out, delimiter=rng.choice(",;\t|"), lineterminator=ends)
    writer.writerows([_NAMES, *rows])
    return MutatedFile("log.csv", out.getvalue().encode(), ROWS)


def _entries(rng: random.Random) -> list[bytes]:
    """Flat rows, or events of a form, each perhaps mutated."""
    if rng.random() < 0.5:
        return [json.dumps(row).encode() for row in _rows(rng)]
    form = RENDERERS[rng.choice(("ga4_mp", "ga4_bigquery", "segment", "snowplow", "matomo"))]
    events = [
        form(_row(rng, number) | {"event_id": f"e{number}", "event": "view_item"}) for number in range(ROWS)
    ]
    changed = rng.choice((0.05, 0.5))
    changes = [mutating.odd_values, mutating.as_another, mutating.nested, mutating.remove, mutating.negate]
    return [
        (rng.choice(changes) if rng.random() < changed else mutating.whole)(rng, event) for event in events
    ]


def _json_lines(rng: random.Random) -> MutatedFile:
    lines = _entries(rng)
    for at in rng.sample(range(ROWS), rng.choice((0, 1, 3))):
        lines[at] = rng.choice((lines[at][:-9], b"[1, 2]", b"not JSON", b'"x"', b"{}"))
    return MutatedFile("log.jsonl", b"\n".join(lines) + b"\n", ROWS)


def _json_array(rng: random.Random) -> MutatedFile:
    return MutatedFile("log.json", b"[" + b",\n".join(_entries(rng)) + b"]", ROWS)


def _parquet(rng: random.Random) -> MutatedFile:
    rows, out = _rows(rng), io.BytesIO()
    columns = {name: [row.get(name) for row in rows] for name in _NAMES}
    series = [_series(name, values) for name, values in columns.items()]
    pl.DataFrame(series).write_parquet(out)
    return MutatedFile("log.parquet", out.getvalue(), ROWS)


def _series(name: str, values: list[Any]) -> pl.Series:
    """Of the values' own type, or as text where they differ."""
    values = [_text(value) if isinstance(value, str) else value for value in values]
    try:
        return pl.Series(name, values)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else _text(value) for value in values])


def _damaged(rng: random.Random, file: MutatedFile) -> MutatedFile:
    """Bytes changed, left out, or in another place."""
    content = bytearray(file.content)
    for _ in range(rng.choice((1, 3, 30))):
        at = rng.randrange(len(content))
        change = rng.randrange(4)
        if change == 0:
            content[at] = rng.randrange(256)
        elif change == 1:
            del content[at : at + rng.randrange(1, 40)]
        else:
            content[at:at] = rng.choice((b'"', b"\n", b"\r\n", b",", b"\x00", b"\xff", b"}{", b";"))
        if not content:
            break
    cut = len(content) if rng.random() < 0.8 else rng.randrange(len(content) + 1)
    return MutatedFile(file.name, bytes(content[:cut]), None)


WRITERS: tuple[Callable[[random.Random], MutatedFile], ...] = (_csv, _json_lines, _json_array, _parquet)


def mutated_files(seed: int) -> Iterator[MutatedFile]:
    """Endless files of each kind, half of them damaged in their bytes, some compressed."""
    rng = random.Random(seed)
    while True:
        file = rng.choice(WRITERS)(rng)
        if rng.random() < 0.5:
            file = _damaged(rng, file)
        if rng.random() < 0.1 and file.content:
            file = file._replace(name=f"{file.name}.gz", content=gzip.compress(file.content, 1))
        yield file
