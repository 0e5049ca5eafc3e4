"""Policies as their probabilities in every state of a simulated shop, [STATES, k]."""

import numpy as np

from models.contract.decision_context import Context
from models.decisions.policy import Policy
from models.decisions.rules_policy import RulesPolicy
from trainer.off_policy.logged_decisions import EvaluatedPolicy
from trainer.simulation.shop import Shop
from trainer.simulation.simulated_logs import every_state
from trainer.simulation.step_model import Floats


def shares_of(shop: Shop, policy: EvaluatedPolicy) -> Floats:
    """Of a policy under evaluation. Raises SimulationError if it does not keep to the masks."""
    shares = policy.probabilities(every_state(shop))
    shop.check(shares)
    return shares


def rules(shop: Shop) -> Floats:
    """Of the rules of the shop's actions, with their exploration."""
    return live_shares(shop, RulesPolicy(shop.actions))


def live_shares(shop: Shop, policy: Policy) -> Floats:
    """Of a policy that workers use and that needs no inputs of its own."""
    contexts = decision_contexts(shop)
    rows = [
        list(evaluation.choose(context.mask).distribution.probabilities.values())
        for context, evaluation in zip(contexts, policy.evaluate(contexts), strict=True)
    ]
    return np.array(rows)


def epsilon_greedy(shop: Shop, shares: Floats, epsilon: float) -> Floats:
    """A policy with a share of its decisions spread evenly over what is allowed."""
    return (1 - epsilon) * shares + epsilon * uniform(shop)


def uniform(shop: Shop) -> Floats:
    """Every allowed action alike."""
    return np.asarray(shop.allowed / shop.allowed.sum(axis=1, keepdims=True))


def decision_contexts(shop: Shop) -> list[Context]:
    """The context of a live decision in each state."""
    masks = (shop.allowed << np.arange(shop.allowed.shape[1])).sum(axis=1)
    table = shop.context
    return [
        Context(
            purchase_probability=probability,
            stage=stage,
            cart_milli=round(1000 * value),
            event=event,
            click=int(click),
            mask=mask,
        )
        for probability, stage, value, event, click, mask in zip(
            *(
                table[name].to_list()
                for name in ("purchase_probability", "stage", "cart_value", "event", "click")
            ),
            masks.tolist(),
            strict=True,
        )
    ]
