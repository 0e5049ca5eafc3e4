"""Events of every known form, mutated, as records of a topic. The same seed gives the same records."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from models.contract.events import EVENTS
from tests import mutating
from tests.fuzzing import START
from tests.mutating import Mutation, Tree
from tests.offline import Record
from tests.rendering import RENDERERS, Renderer, items_array

#: Renderers of all forms; the contract's own is flat or has its items in an array.
FORMS: dict[str, Renderer] = {"own": deepcopy, "own items": items_array, **RENDERERS}
#: Forms whose renderers take any time.
SAME_CLOCK = ("own", "own items", "ga4_mp", "ga4_bigquery", "gtag")
VISITORS = 200


class Mutated(NamedTuple):
    """A record, the form of its event before it was changed, and the change; `right`: key and time are."""

    record: Record
    form: str
    mutation: Mutation
    right: bool


def _event(rng: random.Random, number: int) -> Tree:
    """An event of the contract with some optional fields, half of them orders."""
    further = rng.randrange(3)
    event: Tree = {
        "event_id": f"e{number}",
        "visitor_id": f"v{rng.randrange(VISITORS)}",
        "ts": START + number * 1000 - rng.randrange(1000),
        "event": rng.choice((*EVENTS, "purchase", "purchase", "refund", "add_to_cart")),
        "item_id": f"i{rng.randrange(50)}",
        "price": rng.randrange(1, 9999) / 100,
    }
    optional: Tree = {
        "quantity": rng.randrange(1, 5),
        "value": rng.randrange(1, 99_999) / 100,
        "transaction_id": f"T{rng.randrange(number, number + 3)}",
        "user_id": f"u{rng.randrange(VISITORS)}",
        "page": "https://shop.example/a",
        "query": "rød kjole",
        "device": "mobile",
        "country": "DK",
        "basket": [f"i{rng.randrange(50)}" for _ in range(further)],
        "basket_prices": [rng.randrange(1, 999) / 10 for _ in range(further)],
    }
    if not further:
        del optional["basket"], optional["basket_prices"]
    return event | {name: value for name, value in optional.items() if rng.random() < 0.6 or name == "basket"}


def _rendered(form: str, event: Tree) -> Tree | None:
    """The event in a form; None where the form has no name for it."""
    try:
        return deepcopy(FORMS[form](event))
    except KeyError:
        return None


_UNITS = (1e-3, 1e3, 1e6, 1e9)


def _moved(rng: random.Random, event: Tree) -> Tree:
    """The time in another unit or off by hours, months, or a century."""
    ts: Any = event["ts"]
    hour = 3_600_000
    offset = rng.choice((-hour, 5 * hour, -5 * hour, 2000 * hour, -2000 * hour, 900_000 * hour, -ts, -2 * ts))
    return event | {"ts": int(ts * rng.choice(_UNITS)) if rng.random() < 0.5 else max(1, ts + offset)}


def mutated(seed: int) -> Iterator[Mutated]:
    """Endless records; of thirty one has a wrong key; a hundredth is deep."""
    rng, number = random.Random(seed), 0
    names = list(FORMS)
    while True:
        number += 1
        event, form = _event(rng, number), rng.choice(names)
        stamp, key = event["ts"] + rng.randrange(2000), event["visitor_id"].encode()
        moved = form in SAME_CLOCK and rng.random() < 0.03
        tree = _rendered(form, _moved(rng, event) if moved else event)
        if tree is None:
            continue
        mutation = rng.choice(mutating.MUTATIONS) if rng.random() > 0.01 else rng.choice(mutating.RARE)
        value = mutation(rng, tree) if (there := rng.random() < 0.999) else rng.choice((b"", None))
        sent = rng.choice((None, b"", b"\xff", b"null", b"another")) if rng.random() < 0.03 else key
        right = there and sent == key and not moved
        yield Mutated(Record(number, stamp, sent, value), form, mutation, right)
