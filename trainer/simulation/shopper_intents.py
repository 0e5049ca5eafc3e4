"""The intent state of a simulated session, by rules on its attributes and its chance to buy."""

from typing import Final

import numpy as np

from trainer.simulation.session_states import Attributes, Ints
from trainer.simulation.step_model import Floats

INTENTS: Final = ("exploring", "comparing", "hesitating", "ready_to_buy", "about_to_leave", "price_sensitive")
EXPLORING, COMPARING, HESITATING, READY, LEAVING, PRICE_SENSITIVE = range(len(INTENTS))
#: Clicks from which a shopper with an empty cart compares.
COMPARES_FROM = 3


def intents(of: Attributes, purchase: Floats) -> Ints:
    """The intent's position in INTENTS by state; `purchase` is the probability to buy in this session.

    With a cart: ready above the median probability of such states, else hesitating. Without: leaving after a
    long pause, price-sensitive where a returning shopper looks at cheap items, comparing from the third
    click, else exploring.
    """
    cart = of.carts > 0
    ready = cart & (purchase >= np.median(purchase[cart]))
    pause = (of.dwell == 2) & (of.click > 0)
    cheap = (of.segment == 1) & (of.price == 0)
    comparing = of.click + 1 >= COMPARES_FROM
    return np.select(
        [ready, cart, pause, cheap, comparing],
        [READY, HESITATING, LEAVING, PRICE_SENSITIVE, COMPARING],
        EXPLORING,
    ).astype(np.int64)
