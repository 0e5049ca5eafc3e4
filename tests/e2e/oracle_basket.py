"""The oracle's cart, orders and profile of one visitor, from docs/state.md."""

from dataclasses import dataclass, field

import xxhash

MOST_MONEY, MOST_COUNT = (1 << 53) - 1, 65_535
DAY_MS = 86_400_000
WEIGHTS = {
    "page_view": 64,
    "view_item_list": 64,
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


def refund_hash(click):
    """Of what a refund names, a line each."""
    value = click.get("value")
    lines = [click["transaction_id"], "" if value is None else str(money(value)), click.get("item_id") or ""]
    return xxhash.xxh3_64_intdigest("\n".join(lines + list(click.get("basket") or ())).encode())


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
        rounded = 0 if price is None else min((1 << 32) - 1, money(price))
        line.price = rounded or line.price

    def remove(self, item, pieces):
        line = self.find(item)
        if line is not None:
            line.pieces -= pieces or line.pieces
        self.lines = [line for line in self.lines if line.pieces > 0]


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


@dataclass
class Orders:
    """What was bought, in thousandths of the currency."""

    orders: int = 0
    last_order: int = 0
    purchase_ts: int = 0
    total: int = 0
    left: int = 0
    undone: bool = False
    last_refund: int = 0

    def buy(self, click, now):
        """The amount of a purchase."""
        order = item_hash(click.get("transaction_id"))
        again = order != 0 and order == self.last_order
        if not again:
            self.orders = min(MOST_COUNT, self.orders + 1)
            self.left, self.undone = 0, False
        self.last_order, self.purchase_ts = order, now
        if click.get("value") is not None:
            amount = 0 if again else money(click["value"])
        else:
            amount = money((click.get("price") or 0) * (click.get("quantity") or 1))
        self.total = min(MOST_MONEY, self.total + amount)
        self.left = min(MOST_MONEY, self.left + amount)
        return amount

    def refund(self, click):
        """What is paid back, and whether it is of the latest order."""
        order = item_hash(click.get("transaction_id"))
        of_latest = order == 0 or order == self.last_order
        standing = 0 if self.undone else 1
        if (self.orders == 0 and self.total == 0) or (not of_latest and self.orders - standing <= 0):
            return 0, of_latest
        told = refund_hash(click) if order else 0
        repeated = order != 0 and told == self.last_refund
        whole = click.get("item_id") is None and not click.get("basket")
        silent = click.get("value") is None and click.get("price") is None
        asked = self._asked(click, repeated, of_latest and whole)
        if asked == 0 and not silent:
            return 0, of_latest
        limit = self.total if order == 0 else self.left if of_latest else self.total - self.left
        paid = min(asked, limit)
        before, self.total = self.left, self.total - paid
        if of_latest:
            self.left = max(0, self.left - paid)
            if self.left == 0 and (before > 0 or (order != 0 and whole and silent)):
                self._undo()
        elif whole and not repeated and (silent or (paid > 0 and self.total == self.left)):
            self.orders -= 1
        self.last_refund = told or self.last_refund
        return paid, of_latest

    def _undo(self):
        if not self.undone:
            self.undone, self.orders = True, max(0, self.orders - 1)

    def _asked(self, click, repeated, all_of_it):
        if click.get("value") is not None:
            return 0 if repeated else money(click["value"])
        if click.get("price") is not None:
            return money(click["price"] * (click.get("quantity") or 1))
        return self.left if all_of_it else 0
