"""What the features of a click read: the click, its visitor after the step, and the step's facts."""

import struct
from dataclasses import dataclass
from typing import Final

from models.contract.events import Click
from models.identity.joining import joined, traits_of
from models.state.cart import NO_BASKET
from models.state.facts import Facts
from models.state.summary import Summary
from models.state.traits import NONE, Traits
from models.state.visitor import Visitor

#: Category hash and price bucket of a click's 16-byte code.
_CATEGORY_AND_PRICE: Final = struct.Struct("<8xI2xBx")


@dataclass(frozen=True, slots=True)
class FeatureInputs:
    """Inputs of one click, and values that several features share.

    Each property is one `return` of an expression without side effects: the fused row function evaluates it
    once a click, whether or not a feature comes to use it.
    """

    visitor: Visitor
    click: Click
    facts: Facts

    @property
    def now(self) -> int:
        """Event time of the visitor's latest click, epoch ms; a click out of order shares it."""
        return self.visitor.last_ts

    @property
    def counts(self) -> list[int]:
        """Clicks of the session by event code."""
        return self.visitor.counts

    @property
    def category_and_price(self) -> tuple[int, int]:
        """`category` and `price_bucket`."""
        return _CATEGORY_AND_PRICE.unpack(self.facts.code)

    @property
    def category(self) -> int:
        """The 32-bit hash of the click's category; 0: none."""
        return self.category_and_price[0]

    @property
    def price_bucket(self) -> int:
        """The bucket of the click's price, two a doubling; 0: none."""
        return self.category_and_price[1]

    @property
    def basket(self) -> list[int]:
        """Sums over the cart and earlier sessions' carts, at the places of `models.state.cart`."""
        return self.visitor.basket or NO_BASKET

    @property
    def past(self) -> Visitor | Summary:
        """The long-term profile; of a visitor with linked devices the sum over all of them."""
        return self.visitor if self.visitor.others is None else joined(self.visitor)

    @property
    def totals(self) -> list[int]:
        """Clicks of earlier sessions by event code."""
        return self.past.totals

    @property
    def liked(self) -> dict[int, int]:
        """Faded interest by category hash, in 1/256 of a view."""
        return self.past.categories

    @property
    def liking(self) -> int:
        """Faded interest in all categories, in 1/256 of a view."""
        return sum(self.past.categories.values())

    @property
    def traits(self) -> Traits:
        """What is known of the person; by field the newest word of clicks, `profiles` and linked devices."""
        return self.visitor.declared or NONE if self.only_declared else traits_of(self.visitor)

    @property
    def only_declared(self) -> bool:
        """Whether nothing but the visitor's own clicks can say anything of the person."""
        return self.visitor.given is None and self.visitor.others is None
