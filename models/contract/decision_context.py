"""What a decision is made from, as it is published with the decision."""

from typing import Literal

import msgspec

Stage = Literal["browsing", "cart", "checkout", "bought"]


class Context(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """All that a decision is made from, as published with it; nothing else may enter.

    `purchase_probability` is the published value (see `published`), `cart_milli` the cart's value in
    thousandths of the shop's currency, `click` the 1-based position in the session, `mask` the allowed
    actions as bits by position in the action set. `session_risk` is the published value, left out where no
    head gave one; `consent` is left out where it was not refused.
    """

    purchase_probability: float
    stage: Stage
    cart_milli: int
    event: str
    click: int
    mask: int
    session_risk: float | None = None
    consent: bool = True
