"""What training settings may be: bounds outside of which nothing is trained, or nothing was meant."""

from collections.abc import Mapping
from typing import Final

_MOST: Final = float(2**31)
_SHARE: Final = (0.0, 1.0)
#: Least and most of a setting, both allowed.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "seed": (0, 2**63 - 1),
    "epochs": (1, _MOST),
    "seconds": (1e-3, float("inf")),
    "patience": (1, _MOST),
    "clicks_per_batch": (1, _MOST),
    "longest": (2, 10_000),
    "learning_rate": (0, 1),
    "table_rate": (0, 10),
    "weight_decay": (0, 10),
    "warm_up": _SHARE,
    "intent_weight": (0, 1e6),
    "heads_weight": (0, 1e6),
    "heads_gradient": (0, 1e3),
    "power": (0, 4),
    "embedding": (1, 8192),
    "hidden": (1, 8192),
    "task_width": (1, 8192),
    "cosine": (0, 1e3),
    "attention_heads": (1, 1024),
    "churn_days": (0.01, 3650),
    "pretrain_epochs": (1, _MOST),
    "ensemble": (1, 100),
    "teacher_width": (0, 8192),
}


def complaint(values: Mapping[str, object]) -> str | None:
    """What is wrong with settings by name, and what they may be; None where nothing is."""
    for name, (least, most) in RANGES.items():
        value = values[name]
        assert isinstance(value, int | float)
        if not least <= value <= most:
            return f"{name} is {value}; expected a number from {least:g} to {most:g}"
    ignored = values["ignored"]
    assert isinstance(ignored, tuple)
    from models.features.features import NAMES  # brings numpy and more, which defaults are read without

    for name in ignored:
        if not any(feature.startswith(name) for feature in NAMES):
            return f"ignored has {name!r}, but no feature's name begins so; `pathcast audit` prints them"
    return None
