"""The oracle's orders of one visitor, from docs/state.md."""

from dataclasses import dataclass, field

from tests.e2e.oracle_basket import MOST_COUNT, MOST_MONEY, amount_of, item_hash, items_of, mark, statement


@dataclass
class Order:
    """`session` is the number of the session it was bought in, 0 where that is not known any more."""

    order: int = 0
    left: int = 0
    undone: bool = False
    session: int = 0


@dataclass
class Orders:
    """What was bought, in thousandths of the currency."""

    orders: int = 0
    purchase_ts: int = 0
    total: int = 0
    latest: Order = field(default_factory=Order)
    earlier: list[Order] = field(default_factory=list)
    statements: list[bytes] = field(default_factory=list)
    bought: list[int] = field(default_factory=list)

    def repeats(self, click):
        return click.get("transaction_id") is not None and statement(click) in self.statements

    def buy(self, click, now, session):
        """The amount of a purchase; `session` is the number and the start of the running session."""
        order = item_hash(click.get("transaction_id"))
        known = order != 0 and (order == self.latest.order or self._earlier(order) is not None)
        if order == 0 or order != self.latest.order:
            self._enter(order, session)
        if not known:
            self.orders = min(MOST_COUNT, self.orders + 1)
        amount = self._bought(click, order, known)
        self.purchase_ts = now
        self.total = min(MOST_MONEY, self.total + amount)
        self.latest.left = min(MOST_MONEY, self.latest.left + amount)
        self._remember(click)
        for item in items_of(click):
            self.bought = [*(other for other in self.bought if other != item), item][-64:]
        return amount

    def _bought(self, click, order, known):
        said, amount = click.get("value") is not None, amount_of(click) or 0
        stated, refunded = mark(b"stated", order), mark(b"refunded", order)
        before = list(self.statements)
        if order and (said or stated in before):
            self._mark(stated)
        if order and stated in before:
            return 0
        if known and said:
            return 0 if self.latest.undone or refunded in before else max(0, amount - self.latest.left)
        return amount

    def _mark(self, one):
        self.statements = [*(told for told in self.statements if told != one), one][-64:]

    def _earlier(self, order):
        return next((one for one in self.earlier if one.order == order), None)

    def _enter(self, order, session):
        self._date(session)
        found = self._earlier(order) if order else None
        if found is not None:
            self.earlier.remove(found)
        if self.latest.order:
            self.earlier = [*self.earlier, self.latest][-16:]
        self.latest = found or Order(order)
        self.latest.left = min(self.latest.left, self.total)

    def _date(self, session):
        number, start = session
        self.latest.session = number if self.purchase_ts >= start else 0

    def _remember(self, click):
        if click.get("transaction_id") is not None and not self.repeats(click):
            self.statements = [*self.statements, statement(click)][-64:]

    def refund(self, click, session):
        """What is paid back, and whether it is of an order of the running session."""
        self._date(session)
        order = item_hash(click.get("transaction_id"))
        if self.orders == 0 and self.total == 0:
            return 0, False
        known = self.latest if order in (0, self.latest.order) else self._earlier(order)
        held = [self.latest, *self.earlier]
        if known is not None:
            paid, applied = self._of_known(click, known, order)
        elif self.orders - sum(not one.undone for one in held) > 0:
            paid, applied = self._of_other(click, max(0, self.total - sum(one.left for one in held)))
        else:
            paid, applied = self._of_items(click)
        self.total -= paid
        self.latest.left = min(self.latest.left, self.total)
        if applied:
            self._remember(click)
        return paid, known is not None and known.session == session[0]

    def _of_known(self, click, known, order):
        whole, amount = not items_of(click), amount_of(click)
        asked = self._asked(click, known.left if whole else 0)
        if amount is not None and asked == 0:
            return 0, False
        paid = min(asked, self.total, self.total if order == 0 else known.left)
        before, known.left = known.left, max(0, known.left - paid)
        if paid and known.order:
            self._mark(mark(b"refunded", known.order))
        if known.left == 0 and (before > 0 or (order != 0 and whole and amount is None)):
            self.orders = max(0, self.orders - (not known.undone))
            known.undone = True
        return paid, True

    def _of_other(self, click, bought):
        amount, asked = amount_of(click), self._asked(click, 0)
        if amount is not None and asked == 0:
            return 0, False
        gone = amount is None or 0 < bought <= asked
        if not items_of(click) and not self.repeats(click) and gone:
            self.orders -= 1
        return min(asked, bought), True

    def _of_items(self, click):
        asked = 0 if self.repeats(click) else amount_of(click) or 0
        if asked == 0 or not any(item in self.bought for item in items_of(click)):
            return 0, False
        return min(asked, self.total), True

    def _asked(self, click, all_of_it):
        amount = amount_of(click)
        if amount is None:
            return all_of_it
        return 0 if click.get("value") is not None and self.repeats(click) else amount
