"""Decide sample clicks by a policy with a head of every kind, so that no decision compiles a kernel."""

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context, Stage
from models.contract.events import EVENTS
from models.decisions.actions import ActionSet
from models.decisions.decision import sample
from models.policies import policy_files
from models.policies.action_features import ActionEncoding, ActionFeatures
from models.policies.context_columns import Column
from models.policies.head_kinds import HEADS
from models.policies.input_expansion import Expansion
from models.policies.learned_policy import LearnedPolicy, load
from models.policies.policy_files import HeadDescription, PolicyDescription

#: With a rule, which exploration reads as well.
ACTIONS: Final = """
placement = "p"
epsilon = 0.1
[[actions]]
name = "none"
kind = "none"
[[actions]]
name = "ad"
kind = "ad"
[[actions]]
name = "coupon"
kind = "coupon"
when = { min_probability = 0.5, stages = ["cart"] }
"""
COLUMNS: Final = (
    Column("event", words=EVENTS),
    Column("stage", words=get_args(Stage)),
    Column("purchase_probability"),
    Column("cart_value"),
    Column("session_risk", missing=True),
    Column("hidden:0"),
)
SETTINGS: Final = {"temperature": 1.0, "margin": 0.0, "optimism": 1.0, "own_variance": 1.0}
#: Masks that a chunk's contexts have, and one that none of them has.
MASKS, OTHER_MASK = (0b111, 0b011), 0b101


def warm_up_policies() -> None:
    """Decide with every action allowed, with an expected mask, and with another one."""
    policy = _policy()
    known = 0.25, "cart", 10_000, "add_to_cart", 3
    contexts = [Context(*known, mask, None, True, [0.5]) for mask in MASKS]  # type: ignore[arg-type]
    for context, evaluation in zip(contexts, policy.evaluate(contexts), strict=True):
        for mask in (context.mask, OTHER_MASK):
            sample(policy.actions, evaluation, mask, 0)


def _policy() -> LearnedPolicy:
    """Through its files: a kernel is compiled for arrays as they are when they have been read."""
    actions = ActionSet.load(ACTIONS)
    features = tuple(map(ActionFeatures.of, actions.actions))
    encoding = ActionEncoding.of(features)
    heads = tuple(HeadDescription(kind, SETTINGS, 1 / len(HEADS)) for kind in HEADS)
    described = PolicyDescription("mixture", COLUMNS, features, encoding, heads)
    made = [_tensors(kind, Expansion(COLUMNS).width, encoding.width) for kind in HEADS]
    tensors = {f"{number}.{name}": one for number, found in enumerate(made) for name, one in found.items()}
    return load(policy_files.save(described, tensors), actions)


def _tensors(kind: str, width: int, own: int) -> Mapping[str, NDArray[np.float64]]:
    """Of a head for `width` inputs and `own` features of actions; empty for kinds that learn nothing."""
    if kind in ("softmax", "uplift"):
        return {"weights": np.zeros((width, own))}
    if kind in ("thompson", "ucb"):
        projection = np.zeros((width, 1))
        return {"mean": np.zeros((1, own)), "covariance": np.eye(own), "projection": projection}
    if kind == "dqn":
        layer = {"layer0": np.zeros((width, 1)), "bias0": np.zeros(1)}
        return {**layer, "value": np.zeros(2), "advantage": np.zeros((2, own))}
    return {}
