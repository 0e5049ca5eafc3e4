"""Inputs that went wrong on their way: valid events, mutated. The same seed gives the same inputs."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from models.contract.events import EVENTS
from models.state import state_keys

START = 1_600_000_000_000


class Input(NamedTuple):
    """A record as a producer sent it; it has the attributes that the decoder reads."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


def event(rng: random.Random, number: int) -> dict[str, Any]:
    """A valid canonical event of one of 50 visitors; event time moves on by up to 20 s per number."""
    found: dict[str, Any] = {
        "event_id": f"e{number}",
        "visitor_id": f"v{rng.randrange(50)}",
        "ts": START + number * 20_000 - rng.randrange(20_000),
        "event": rng.choice(EVENTS),
    }
    optional = {
        "item_id": f"i{rng.randrange(100)}",
        "price": rng.randrange(1, 9999) / 100,
        "quantity": rng.randrange(1, 5),
        "category": f"c{rng.randrange(9)}",
        "query": "rød kjole",
        "page": "/a/b",
        "device": "mobile",
        "consent": True,
    }
    return found | {name: value for name, value in optional.items() if rng.random() < 0.6}


_NUMBERS = (-1, 0, 0.1, 1e308, -1e308, 10**30, 2**63, 2**64, float("nan"), float("inf"), -float("inf"))
_TEXTS = ("", " ", "(not set)", "NaN", "-5", "1e400", "x" * 300, "\ud800", "\x00", "💥")
_ODD: tuple[Any, ...] = (None, True, [], {}, [1], {"a": 1}, [[]], *_NUMBERS, *_TEXTS)
_NAMES = ("event_id", "visitor_id", "ts", "event", "item_id", "price", "quantity", "basket", "consent")
_NAMES += ("rating", "schema_version", "decision_id", "items", "ecommerce", "params", "flags", "extra")
_TOKENS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5000,
    b"0x10",
    b"'a'",
    b"truee",
    b'"\\ud800"',
    b'"\\u0000"',
    b"-",
)


def _bytes(found: dict[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=True).encode()


def _swap(rng: random.Random, found: dict[str, Any]) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        found[rng.choice(_NAMES)] = rng.choice(_ODD)
    return _bytes(found)


def _remove(rng: random.Random, found: dict[str, Any]) -> bytes:
    del found[rng.choice(list(found))]
    return _bytes(found)


def _flip(rng: random.Random, found: dict[str, Any]) -> bytes:
    value = bytearray(_bytes(found))
    for _ in range(rng.randrange(1, 5)):
        value[rng.randrange(len(value))] = rng.randrange(256)
    return bytes(value)


def _truncate(rng: random.Random, found: dict[str, Any]) -> bytes:
    value = _bytes(found)
    return value[: rng.randrange(len(value))]


def _token(rng: random.Random, found: dict[str, Any]) -> bytes:
    name = rng.choice(_NAMES).encode()
    return _bytes(found)[:-1] + b', "' + name + b'": ' + rng.choice(_TOKENS) + b"}"


def _nest(rng: random.Random, found: dict[str, Any]) -> bytes:
    depth = rng.choice((10, 900, 50_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"params":', b"}")))
    inner = b"1" if rng.random() < 0.5 else _bytes(found)
    nested = opening * depth + inner + closing * depth
    name = rng.choice(_NAMES).encode()
    return nested if rng.random() < 0.3 else _bytes(found)[:-1] + b', "' + name + b'": ' + nested + b"}"


def _huge(rng: random.Random, found: dict[str, Any]) -> bytes:
    found[rng.choice(_NAMES)] = rng.choice(("x" * 1_000_000, "\ud800" * 100_000, [{"item_id": "a"}] * 2000))
    return _bytes(found)


def _rename(rng: random.Random, found: dict[str, Any]) -> bytes:
    style = rng.choice((str.upper, str.title, lambda name: name.replace("_", "")))
    return _bytes({style(name): value for name, value in found.items()})


def _other_event(rng: random.Random, found: dict[str, Any]) -> bytes:
    return _bytes(found | {"event": rng.choice(("screen_view", "Add To Cart", "VIEW", "sneeze", "", 7))})


def _clock(rng: random.Random, found: dict[str, Any]) -> bytes:
    ts = found["ts"]
    return _bytes(
        found | {"ts": rng.choice((ts / 1000, str(ts), ts * 1000, ts + 31_536_000_000, -ts, 0, ts * 10**9))}
    )


def _not_an_event(rng: random.Random, found: dict[str, Any]) -> bytes:
    return rng.choice(
        (b"", b"null", b"[]", b'"a"', b"7", b"\xff\xfe", b"\xef\xbb\xbf" + _bytes(found), _bytes(found) * 2)
    )


_MUTATIONS: tuple[Callable[[random.Random, dict[str, Any]], bytes], ...] = (
    lambda rng, found: _bytes(found),
    *(
        _swap,
        _swap,
        _swap,
        _remove,
        _flip,
        _flip,
        _truncate,
        _token,
        _rename,
        _other_event,
        _clock,
        _not_an_event,
    ),
)


def mutations(seed: int) -> Iterator[Input]:
    """Endless mutated inputs; about one in thirty has a wrong key, one in a hundred is deep or huge."""
    rng = random.Random(seed)
    number = 0
    while True:
        number += 1
        found = event(rng, number)
        stamp = found["ts"] + rng.randrange(2000)
        key: bytes | None = str(found["visitor_id"]).encode()
        mutate = rng.choice(_MUTATIONS) if rng.random() > 0.01 else rng.choice((_nest, _huge))
        value = mutate(rng, found)
        if rng.random() < 0.03:
            key = rng.choice((None, b"", b"\xff", b"somebody else"))
        headers = (("original-time", str(stamp).encode()),) if rng.random() < 0.1 else ()
        yield Input(key, value, headers, rng.choice((stamp, stamp, stamp, -1)))


def check_sizes(state: Mapping[bytes, bytes]) -> None:
    """No input makes a record of the state large; those of analytics are of many visitors."""
    panes = [len(value) for key, value in state.items() if key.startswith(state_keys.ANALYTICS)]
    others = [len(value) for key, value in state.items() if not key.startswith(state_keys.ANALYTICS)]
    assert max(others) < 8192
    assert max(panes) < 256 * 1024
