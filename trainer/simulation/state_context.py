"""What policies may see of a simulated session, as a table with a row for each state."""

import numpy as np
import polars as pl

from trainer.simulation import session_states as at
from trainer.simulation.shopper_intents import INTENTS
from trainer.simulation.step_model import Floats


def context_of(
    of: at.Attributes, purchase: Floats, intent: at.Ints, prices: tuple[float, float, float]
) -> pl.DataFrame:
    """Columns named as in a live decision's context where it has them.

    `purchase_probability` is to four decimals, as published; `cart_value` in currency units; `click` from 1;
    `served` are actions of this session before the decision.
    """
    stage = np.where(of.event == at.PURCHASE, "bought", np.where(of.carts > 0, "cart", "browsing"))
    columns = {
        "purchase_probability": purchase.round(4),
        "stage": stage,
        "cart_value": (np.array(prices)[of.price] * of.carts).round(3),
        "event": np.array(at.EVENTS)[of.event],
        "click": (of.click + 1).astype(np.float64),
        "dwell": np.array(at.DWELLS)[of.dwell],
        "segment": np.array(at.SEGMENTS)[of.segment],
        "price": np.array(at.PRICES)[of.price],
        "intent": np.array(INTENTS)[intent],
        "served": of.served.astype(np.float64),
        "offered": of.offered.astype(np.float64),
    }
    return pl.DataFrame(columns)
