"""What was said of a visitor's orders: 64 digests, so that a page that is loaded again is recognised.

A statement is what an event says of the transaction that it names, however it lists its lines. A mark is what
is known of a transaction.
"""

from typing import Final

import xxhash

from models.contract import baskets
from models.contract.baskets import Line
from models.contract.events import FILLED, Click
from models.state.cart import thousandths
from models.state.packed import find, has
from models.state.visitor import MAX_AMOUNT, STATEMENT_BYTES, STATEMENTS_BYTES, Visitor

HASH_BYTES: Final = 8
#: Marks of a transaction, among the statements: its value was said; something of it was refunded.
STATED: Final = b"stated"
REFUNDED: Final = b"refunded"
digest: Final = xxhash.xxh3_64_digest


def repeats(visitor: Visitor, click: Click) -> bool:
    """Whether an event about a named transaction was told before in the same words."""
    return click.transaction_id is not None and has(visitor.statements, _statement(click), STATEMENT_BYTES)


def remember(visitor: Visitor, click: Click) -> None:
    """Keep what an event says of a named transaction."""
    if click.transaction_id is not None and not repeats(visitor, click):
        visitor.statements = (visitor.statements + _statement(click))[-STATEMENTS_BYTES:]


def has_mark(visitor: Visitor, word: bytes, order: int) -> bool:
    """Whether `STATED` or `REFUNDED` was said of a transaction."""
    return has(visitor.statements, _mark(word, order), STATEMENT_BYTES)


def mark(visitor: Visitor, word: bytes, order: int) -> None:
    """Keep `STATED` or `REFUNDED` of a transaction as the latest statement, so that it lasts."""
    told, one = visitor.statements, _mark(word, order)
    at = find(told, one, STATEMENT_BYTES)
    if at >= 0:
        told = told[:at] + told[at + STATEMENT_BYTES :]
    visitor.statements = (told + one)[-STATEMENTS_BYTES:]


def _mark(word: bytes, order: int) -> bytes:
    return digest(word + order.to_bytes(HASH_BYTES, "little"))[:STATEMENT_BYTES]


def _statement(click: Click) -> bytes:
    """Digest of event, transaction, value and lines, without prices of the catalogue, which may change."""
    texts = [click.event, click.transaction_id, _said(click.value)]
    texts += [field for line in _pieces(click) for field in line]
    told = "\n".join("" if text is None else str(text) for text in texts)
    return digest(told.encode())[:STATEMENT_BYTES]


def _pieces(click: Click) -> list[tuple[str, str, int]]:
    """Id, price and pieces of each line, however they were written: like ones are one, in a fixed order."""
    own, others = (not click.flags & FILLED[name] for name in ("price", "basket_prices"))
    lines = [(Line(click.item_id or "", click.price, click.quantity), own)]
    lines += [(line, others) for line in baskets.further(click)]
    pieces: dict[tuple[str, str], int] = {}
    for line, says_price in lines:
        price = _said(line.price if says_price else None)
        key = (line.item_id, "" if price is None else str(price))
        if any(key):
            pieces[key] = pieces.get(key, 0) + (line.quantity or 1)
    return [(*key, count) for key, count in sorted(pieces.items())]


def _said(amount: float | None) -> int | None:
    return None if amount is None else min(MAX_AMOUNT, thousandths(amount))
