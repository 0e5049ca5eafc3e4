"""The oracle's cart and profile of one visitor, and amounts of clicks, from docs/state.md."""

import struct
from collections import Counter
from dataclasses import dataclass, field

import xxhash

MOST_MONEY, MOST_COUNT = (1 << 53) - 1, 65_535
DAY_MS = 86_400_000
WEIGHTS = {
    "page_view": 64,
    "select_item": 128,
    "view_item": 256,
    "add_to_wishlist": 512,
    "add_to_cart": 1024,
    "begin_checkout": 1024,
    "purchase": 2048,
}


def item_hash(text):
    return 0 if text is None else xxhash.xxh3_64_intdigest(text.encode()) or 1


def category_hash(text):
    return 0 if text is None else (xxhash.xxh3_64_intdigest(text.encode()) & 0xFFFF_FFFF) or 1


def price_bucket(price):
    if price is None:
        return 0
    quarters = int(4 * price)
    if quarters < 2:
        return 1 + quarters
    exponent = 0
    while quarters >> (exponent + 1):
        exponent += 1
    return min(31, 2 + 2 * exponent + (quarters >> (exponent - 1)) % 2)


def money(amount):
    return min(MOST_MONEY, round(1000 * amount))


def lines_of(click):
    """Id, price and pieces of the event's items; of its own one without an id as well."""
    basket = click.get("basket") or ()
    names = ("basket_prices", "basket_quantities")
    prices, pieces = (click.get(name) or [None] * len(basket) for name in names)
    own = [(click.get("item_id"), click.get("price"), click.get("quantity"))]
    return own + list(zip(basket, prices, pieces, strict=True))


def items_of(click):
    return [item_hash(item) for item, _, _ in lines_of(click) if item is not None]


def amount_of(click):
    """What the event comes to; None where it says no amount."""
    if click.get("value") is not None:
        return money(click["value"])
    parts = [price * (pieces or 1) for _, price, pieces in lines_of(click) if price is not None]
    return money(sum(parts)) if parts else None


def statement(click):
    """Four bytes of what an event of an order says, a line each."""

    def said(amount):
        return "" if amount is None else str(min(MOST_MONEY, money(amount)))

    lines = Counter()
    for item, price, pieces in lines_of(click):
        if item is not None or price is not None:
            lines[item or "", said(price)] += pieces or 1
    texts = [click["event"], click["transaction_id"], said(click.get("value"))]
    for (item, price), pieces in sorted(lines.items()):
        texts += [item, price, str(pieces)]
    return xxhash.xxh3_64_digest("\n".join(texts).encode())[:4]


def mark(word, order):
    """Four bytes that say of an order that its value was stated, or that something was refunded."""
    return xxhash.xxh3_64_digest(word + struct.pack("<Q", order))[:4]


@dataclass
class Line:
    item: int
    pieces: int
    price: int


@dataclass
class Cart:
    """Lines in the order in which they came."""

    lines: list[Line] = field(default_factory=list)

    @property
    def value(self):
        return sum(line.pieces * line.price for line in self.lines)

    def find(self, item):
        return next((line for line in self.lines if line.item == item), None)

    def add(self, item, pieces, price):
        line = self.find(item)
        if line is None:
            if len(self.lines) == 50:
                return
            line = Line(item, 0, 0)
            self.lines.append(line)
        line.pieces = min(9_999, line.pieces + pieces)
        rounded = 0 if price is None else min(10**13, money(price))
        line.price = rounded or line.price

    def remove(self, item, pieces):
        line = self.find(item)
        if line is not None:
            line.pieces -= pieces or line.pieces
        self.lines = [line for line in self.lines if line.pieces > 0]


def sums(lines):
    """What the state keeps of the lines of cart and earlier carts."""
    prices = [line.price for line in lines if line.price]
    value = sum(line.pieces * line.price for line in lines)
    counts = [len(lines), sum(line.pieces for line in lines), value]
    return [*counts, len(prices), sum(prices), min(prices or [0]), max(prices or [0])] if lines else []


@dataclass
class Profile:
    """What the visitor likes, by weight, fading over days."""

    categories: dict[int, int] = field(default_factory=dict)
    price_weight: int = 0
    price_sum: int = 0
    day: int = 0

    def fade(self, now):
        days = now // DAY_MS - self.day
        if days <= 0:
            return
        factor = 0 if days > 480 else int(65_536 * 0.5 ** (days / 30))
        faded = {category: weight * factor >> 16 for category, weight in self.categories.items()}
        self.categories = {category: weight for category, weight in faded.items() if weight}
        self.price_weight = self.price_weight * factor >> 16
        self.price_sum = self.price_sum * factor >> 16
        self.day += days

    def grow(self, click):
        weight = WEIGHTS.get(click["event"])
        if weight is None:
            return
        if click.get("price") is not None:
            self.price_weight += weight
            self.price_sum += weight * price_bucket(click["price"])
        category = category_hash(click.get("category"))
        if category:
            self._like(category, weight)

    def _like(self, category, weight):
        if category not in self.categories and len(self.categories) == 8:
            smallest = min(self.categories.values())
            loser = next(known for known, size in self.categories.items() if size == smallest)
            del self.categories[loser]
            weight += smallest
        self.categories[category] = self.categories.get(category, 0) + weight
