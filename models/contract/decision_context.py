"""The context of a decision, published with it."""

from typing import Annotated, Final, Literal

import msgspec

#: Numbers of a context vector at most.
MAX_INPUTS: Final = 64

Stage = Literal["browsing", "cart", "checkout", "bought"]


class Context(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Everything that a decision depends on; nothing else may enter.

    `purchase_probability` is the published value (see `published`), `cart_milli` the cart's value in
    thousandths of the shop's currency, `click` the 1-based position in the session, `mask` the allowed
    actions as bits by position in the action set. `session_risk` is the published value, left out where no
    head gave one; `consent` is left out where it was not refused. `vector` are the policy's own inputs
    (`Policy.inputs`), left out where it has none; without consent they are zeros.
    """

    purchase_probability: float
    stage: Stage
    cart_milli: int
    event: str
    click: int
    mask: int
    session_risk: float | None = None
    consent: bool = True
    vector: Annotated[list[float], msgspec.Meta(max_length=MAX_INPUTS)] | None = None
