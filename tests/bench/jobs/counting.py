"""The counting job that every contestant runs: JSON click -> per-session counter -> one JSON output."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

SESSIONS = 5_000


class Place(NamedTuple):
    """Where a contestant works, from its environment."""

    bootstrap: str
    clicks: str
    output: str
    group: str
    folder: str


def place() -> Place:
    """This process's place."""
    return Place(*(os.environ[f"BENCH_{name.upper()}"] for name in Place._fields))


def environment(place: Place) -> dict[str, str]:
    """What `place` reads."""
    return {f"BENCH_{name.upper()}": value for name, value in place._asdict().items()}


def clicks(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of `count` clicks of about 130 bytes, visitors mixed."""
    for number in range(count):
        session = b"s%05d" % (number * 7919 % SESSIONS)
        rest = b'"ts":1700000000.0,"type":"view","item":1234,"cat":12,"price":12.5,"ref":"https://example.com/p/1"}'
        yield session, b'{"id":%d,"session_id":"%b",%b' % (number, session, rest)


def count(state: dict[str, Any] | None, click: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The session's new state, and the output."""
    clicks_so_far = state["n"] + 1 if state else 1
    kept = {"n": clicks_so_far, "last": click["ts"]}
    return kept, {"id": click["id"], "session_id": click["session_id"], "n": clicks_so_far}


loads, dumps = orjson.loads, orjson.dumps
