"""The context of a decision, published with it."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
import xxhash

#: Numbers of a context vector at most.
MAX_INPUTS: Final = 64

#: Inputs of a policy that are probabilities of intent states begin so (`models.guidance.intents`).
INTENT_INPUT: Final = "intent:"
#: The arm of an experiment whose visitors are offered nothing.
HOLD_OUT: Final = "hold-out"


def inputs_mark(names: Sequence[str]) -> str:
    """Ends the version of a policy whose records have these inputs; empty where they have none.

    So a record's vector is read without the policy that decided.
    """
    return f"-{xxhash.xxh3_64_hexdigest(chr(10).join(names).encode())[:8]}" if names else ""


Stage = Literal["browsing", "cart", "checkout", "bought"]


class Context(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Everything that a decision depends on; nothing else may enter.

    `purchase_probability` is the published value (see `published`), `cart_milli` the cart's value in
    thousandths of the shop's currency, `click` the 1-based position in the session, `mask` the allowed
    actions as bits by position in the action set. `session_risk` is the published value, left out where no
    head gave one; `consent` is left out where it was not refused. `vector` are the policy's own inputs
    (`Policy.inputs`), left out where it has none; without consent they are zeros. `experiment` and `arm` are
    names, left out where no experiment decides for the visitor. `withheld` are the actions (bits) that a
    constraint with a name of its own did not allow (`models.decisions.withholding`), left out where there are
    none, and without consent.
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
    experiment: str | None = None
    arm: str | None = None
    withheld: dict[str, int] | None = None
