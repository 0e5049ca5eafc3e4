"""Learned policies of every kind with random parameters, for tests and benchmarks."""

from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context, Stage
from models.contract.events import EVENTS
from models.decisions.actions import ActionSet
from models.policies.action_features import ActionEncoding, ActionFeatures
from models.policies.context_columns import Column
from models.policies.head_kinds import HEADS
from models.policies.input_expansion import Expansion
from models.policies.policy_files import HeadDescription, PolicyDescription, save

Floats = NDArray[np.float64]
Tensors = dict[str, NDArray[np.float64]]
STAGES = get_args(Stage)
#: Kinds, and a mixture of all that need no training.
KINDS: Final = (*HEADS, "mixture")
SETTINGS = {
    "softmax": {"temperature": 0.5},
    "uplift": {"temperature": 0.5, "margin": 0.1},
    "ucb": {"temperature": 0.5, "optimism": 1.0, "own_variance": 0.5},
    "thompson": {"own_variance": 0.5},
    "dqn": {"temperature": 0.5},
    "rules": {},
    "uniform": {},
}


def columns(inputs: int) -> tuple[Column, ...]:
    """All base columns and so many inputs of the vector."""
    return (
        Column("purchase_probability", 0.1, 0.1),
        Column("stage", words=STAGES),
        Column("cart_value", 20.0, 30.0),
        Column("event", words=EVENTS),
        Column("click", 5.0, 5.0),
        Column("session_risk", 0.1, 0.2, missing=True),
        *(Column(f"hidden:{number}") for number in range(inputs)),
    )


def files(
    kind: str,
    actions: ActionSet,
    inputs: int = 4,
    seed: int = 0,
    head: int = 8,
    parts: tuple[str, ...] = (),
) -> dict[str, bytes]:
    """The files of a policy for these actions; posteriors are of `head` projected inputs.

    A mixture is of `parts`, or of every kind.
    """
    features = tuple(map(ActionFeatures.of, actions.actions))
    encoding, context = ActionEncoding.of(features), columns(inputs)
    kinds = (kind,) if kind != "mixture" else parts or tuple(HEADS)
    heads = tuple(HeadDescription(one, SETTINGS[one], 1 / len(kinds)) for one in kinds)
    rng, tensors = np.random.default_rng(seed), Tensors()
    for number, one in enumerate(kinds):
        made = _tensors(one, rng, Expansion(context).width, encoding.width, head)
        tensors |= {f"{number}.{name}": array for name, array in made.items()}
    return save(PolicyDescription(kind, context, features, encoding, heads), tensors)


def _tensors(kind: str, rng: np.random.Generator, width: int, own: int, head: int) -> Tensors:
    if kind in ("softmax", "uplift"):
        return {"weights": rng.normal(size=(width, own))}
    if kind in ("ucb", "thompson"):
        factor = rng.normal(size=(head * own, head * own)) / head
        covariance = factor @ factor.T / own
        projection = rng.normal(size=(width, head)) / np.sqrt(width)
        return {"mean": rng.normal(size=(head, own)), "covariance": covariance, "projection": projection}
    if kind == "dqn":
        sizes = [(width, 64), (64, 32)]
        layers = {f"layer{at}": rng.normal(size=size) / 8 for at, size in enumerate(sizes)}
        biases = {f"bias{at}": rng.normal(size=size[1]) for at, size in enumerate(sizes)}
        return layers | biases | {"value": rng.normal(size=33), "advantage": rng.normal(size=(33, own))}
    return {}


def contexts(count: int, actions: ActionSet, inputs: int = 4, seed: int = 0) -> list[Context]:
    """Contexts of clicks, each with a mask of its own that allows `none`."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, inputs)).astype(np.float32).astype(np.float64).tolist()
    masks = rng.integers(0, actions.all_bits + 1, size=count) | 1 << actions.none
    return [
        Context(
            round(float(rng.random()), 4),
            STAGES[rng.integers(len(STAGES))],
            int(rng.integers(100_000)),
            EVENTS[rng.integers(len(EVENTS))],
            int(rng.integers(1, 30)),
            int(mask),
            None if rng.random() < 0.3 else round(float(rng.random()) / 4, 4),
            True,
            vector if inputs else None,
        )
        for mask, vector in zip(masks, vectors, strict=True)
    ]
