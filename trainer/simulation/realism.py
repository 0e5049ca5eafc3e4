"""How well simulated shoppers resemble those of the log, on sessions that the model was not fitted on."""

from typing import NamedTuple

import numpy as np
import polars as pl

from trainer.simulation.log_steps import LogSteps, steps_of
from trainer.simulation.session_states import CART, LEAVE, PURCHASE
from trainer.simulation.shop import Shop
from trainer.simulation.step_model import StepModel
from trainer.simulation.true_values import never, occupancy


class Resemblance(NamedTuple):
    """`log_loss` (nats per click) of the next event on later visitors, beside that of its frequencies alone.

    Of each session, in the log's later part and as simulated from the earlier one: clicks, carts, purchases.
    """

    log_loss: float
    frequencies_log_loss: float
    log: dict[str, float]
    simulated: dict[str, float]


def resemblance(shop: Shop, log: pl.DataFrame, share: float = 0.7) -> Resemblance:
    """Fits shoppers on the earliest visitors (this share) and compares them with the others."""
    order = log.group_by("visitor_id").agg(pl.col("ts").min()).sort("ts")
    early = order.head(round(share * order.height)).select("visitor_id")
    fitted = steps_of(log.join(early, on="visitor_id", how="semi"))
    later = steps_of(log.join(early, on="visitor_id", how="anti"))
    model = StepModel.fit(fitted)
    frequencies = np.bincount(fitted.event, minlength=LEAVE + 1) / len(fitted.event)
    return Resemblance(
        model.log_loss(later),
        float(-np.log(frequencies[later.event]).mean()),
        _counted(later),
        _expected(Shop(model, shop.actions, shop.effects, shop.mix)),
    )


def _counted(steps: LogSteps) -> dict[str, float]:
    sessions = int(steps.first.sum())
    events = steps.now.event
    return {
        "clicks": len(events) / sessions,
        "carts": float((events == CART).sum() / sessions),
        "purchases": float((events == PURCHASE).sum() / sessions),
    }


def _expected(shop: Shop) -> dict[str, float]:
    """Exactly, where nothing is served."""
    clicks, of = occupancy(shop, never(shop)), shop.attributes
    return {
        "clicks": float(clicks.sum()),
        "carts": float(clicks[of.event == CART].sum()),
        "purchases": float(clicks[of.event == PURCHASE].sum()),
    }
