"""Changes to one event of any form, given as parsed JSON; what they give is JSON again, or nearly."""

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

Tree = dict[str, Any]
#: Takes an event and returns the bytes that are sent.
Mutation = Callable[[random.Random, Tree], bytes]

#: Text that stands for tokens which `json.dumps` does not write.
_TOKEN = "@token@"
_TOKENS = (b"NaN", b"-Infinity", b"1e400", b"-1e400", b"9" * 400, b"9" * 5000, b"0x1", b"truee", b"'a'", b"-")
_TEXTS = ("", " ", "(not set)", "null", "NaN", "-5", "1e400", "19,95 EUR", "\ud800", "a\udfff", "\x00", "💥")
_NUMBERS = (-1, 0, 0.5, 1e308, -1e308, 10**30, 2**53 + 1, 2**63, -(2**64), float("nan"), float("inf"))
_EMPTY: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], [None], {"": 1}, {"data": [1]})
_IDS = ("x" * 10_000, "x" * 257, "x" * 256, "é" * 300)
ODD: tuple[Any, ...] = (*_TEXTS, *_NUMBERS, *_EMPTY, *_IDS)
_NAMES = ("id", "ID", "null", "", "items", "event", "params", "properties", "value", "ecommerce", "data")
_AMOUNTS = frozenset(
    ["price", "quantity", "value", "revenue", "purchase_revenue", "refund_amount", "amount", "_pkp"]
)


def slots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree, as container and key or index."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from slots(tree[key])


def dumped(tree: Any) -> bytes:
    """The bytes of an event."""
    return json.dumps(tree).encode()


def _any(rng: random.Random, tree: Tree) -> tuple[Any, Any]:
    return rng.choice(list(slots(tree)))


def _at_some(change: Callable[[random.Random, Any], Any]) -> Mutation:
    """Changes up to three values, wherever they stand."""

    def mutate(rng: random.Random, tree: Tree) -> bytes:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            place, key = _any(rng, tree)
            place[key] = change(rng, place[key])
        return dumped(tree)

    return mutate


def odd(rng: random.Random, _: Any = None) -> Any:
    """A value that no field has."""
    return deepcopy(rng.choice(ODD))


def _as_another(rng: random.Random, value: Any) -> Any:
    """A number as text, text as what it may stand for, an object as an array and the reverse."""
    if isinstance(value, dict):
        return rng.choice(([value], list(value.values()), json.dumps(value)))
    if isinstance(value, list):
        return rng.choice((dict(enumerate(value)), value[0] if value else {}, json.dumps(value)))
    if isinstance(value, str):
        return rng.choice(([value], {"value": value}, value.encode().hex(), int.from_bytes(value.encode())))
    return rng.choice((str(value), f"{value} EUR", str(value).replace(".", ","), [value]))


def _nested(rng: random.Random, value: Any) -> Any:
    for _ in range(rng.choice((1, 2, 30))):
        value = rng.choice(([value], {"value": value}, {"data": value}, {"params": value}))
    return value


odd_values, as_another, nested = _at_some(odd), _at_some(_as_another), _at_some(_nested)


def remove(rng: random.Random, tree: Tree) -> bytes:
    """Without up to three parts."""
    for _ in range(rng.choice((1, 1, 3))):
        place, key = _any(rng, tree)
        del place[key]
        if not tree:
            break
    return dumped(tree)


def _rename(rng: random.Random, tree: Tree) -> bytes:
    place, key = _any(rng, tree)
    if isinstance(key, str):
        other = rng.choice((key.upper(), key.title(), key.replace("_", ""), f" {key}", rng.choice(_NAMES)))
        place[other] = place.pop(key)
    return dumped(tree)


def _token(rng: random.Random, tree: Tree) -> bytes:
    """A token that is no JSON, or a number beyond all types, in the place of a value or of a key."""
    place, key = _any(rng, tree)
    if isinstance(key, str) and rng.random() < 0.2:
        place[_TOKEN] = place.pop(key)
        return dumped(tree).replace(f'"{_TOKEN}"'.encode(), rng.choice((b"null", b"1", b"")))
    place[key] = _TOKEN
    return dumped(tree).replace(f'"{_TOKEN}"'.encode(), rng.choice(_TOKENS))


def _twice(rng: random.Random, tree: Tree) -> bytes:
    """A name stands twice in one object, with another value."""
    value, names = dumped(tree), [key for _, key in slots(tree) if isinstance(key, str)]
    at = rng.choice([at for at, byte in enumerate(value) if byte == ord("{")]) + 1
    field = json.dumps({rng.choice(names): rng.choice(ODD)}).encode()[1:-1]
    return value[:at] + field + (b"" if value[at:].startswith(b"}") else b", ") + value[at:]


def _flip(rng: random.Random, tree: Tree) -> bytes:
    value = bytearray(dumped(tree))
    for _ in range(rng.randrange(1, 4)):
        value[rng.randrange(len(value))] = rng.randrange(256)
    return bytes(value)


def _truncate(rng: random.Random, tree: Tree) -> bytes:
    value = dumped(tree)
    return value[: rng.randrange(len(value))]


def _deep(rng: random.Random, tree: Tree) -> bytes:
    opening, closing = rng.choice(((b"[", b"]"), (b'{"data":', b"}"), (b'{"properties":', b"}")))
    depth = rng.choice((100, 900, 30_000))
    place, key = _any(rng, tree)
    place[key] = _TOKEN
    nested = opening * depth + b"1" + closing * depth
    return dumped(tree).replace(f'"{_TOKEN}"'.encode(), nested)


def _several(rng: random.Random, tree: Tree) -> bytes:
    """A body of several events, or of none: in the form's own array, in any other, one after the other."""
    lists = [place[key] for place, key in slots(tree) if isinstance(place[key], list)]
    if lists and rng.random() < 0.5:
        entries = rng.choice(lists)
        entries[:] = entries * rng.choice((0, 2, 3))
        return dumped(tree)
    body = rng.choice(([tree, tree], {"batch": [tree, tree]}, {"batch": []}, {"events": [tree]}, [tree]))
    return rng.choice((dumped(body), dumped(tree) * 2, dumped(tree) + b"\n"))


def negate(rng: random.Random, tree: Tree) -> bytes:
    """All amounts negative, as in a return; as text, too."""
    for place, key in slots(tree):
        value = place[key]
        listed = isinstance(place, list) and isinstance(value, int | float)
        if value and (key in _AMOUNTS or listed) and isinstance(value, int | float | str):
            place[key] = f"-{value}" if isinstance(value, str) or rng.random() < 0.2 else -value
    return dumped(tree)


def whole(rng: random.Random, tree: Tree) -> bytes:
    """The event as it is."""
    return dumped(tree)


MUTATIONS: tuple[Mutation, ...] = (
    whole,
    odd_values,
    odd_values,
    as_another,
    nested,
    remove,
    _rename,
    _token,
    _twice,
    _flip,
    _truncate,
    _several,
    negate,
)
#: Slow to parse, so that there are few of them.
RARE: tuple[Mutation, ...] = (_deep,)
