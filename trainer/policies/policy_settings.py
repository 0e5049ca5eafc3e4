"""Settings of training a policy, with their bounds."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from trainer.policies.learning_data import PolicyTrainingError

#: Parts of a mixture where none are set.
DEFAULT_PARTS: Final = {"thompson": 0.45, "softmax": 0.45, "uniform": 0.1}


@dataclass(frozen=True)
class PolicySettings:
    """`temperature` in units of reward, None: chosen. `margin`: the least uplift worth an action, in reward.
    `optimism`: deviations above the mean. `head`: inputs of a posterior at most, `prior` its precision in
    decisions. `gamma`, `horizon`, `alpha`, `steps`: of `trainer.policies.deep_q`. `parts`: kinds and weights
    of a mixture.
    """

    temperature: float | None = None
    margin: float = 0.0
    optimism: float = 1.0
    head: int = 16
    prior: float = 10.0
    gamma: float = 0.95
    horizon: int = 8
    alpha: float = 0.1
    steps: int = 1
    seed: int = 0
    device: str = "cpu"
    parts: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_PARTS))

    @property
    def tempered(self) -> float:
        """The temperature where it has been chosen."""
        return 1.0 if self.temperature is None else self.temperature


#: Lowest and highest value of each number that may be set by name.
BOUNDS: Final = {
    "temperature": (0.0, 1e9),
    "margin": (-1e9, 1e9),
    "optimism": (0.0, 100.0),
    "head": (2, 64),
    "prior": (1e-6, 1e9),
    "gamma": (0.0, 1.0),
    "horizon": (1, 1000),
    "alpha": (0.0, 1000.0),
    "steps": (1, 100),
}
_WHOLE: Final = ("head", "horizon", "steps")


def with_settings(settings: PolicySettings, said: Iterable[tuple[str, str]]) -> PolicySettings:
    """With settings by name, `part.KIND` for the weight of a mixture's part. Raises PolicyTrainingError."""
    parts: dict[str, float] = {}
    values: dict[str, Any] = {}
    for name, text in said:
        kind = name.removeprefix("part.")
        if kind != name:
            parts[kind] = _number(name, text, 0.0, 1e9)
        elif name in BOUNDS:
            number = _number(name, text, *BOUNDS[name])
            values[name] = int(number) if name in _WHOLE else number
        else:
            raise PolicyTrainingError(
                f"--set {name}: found no such setting; expected one of {', '.join(BOUNDS)} or part.KIND"
            )
    return replace(settings, **values, parts=parts or settings.parts)


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high or (name in _WHOLE and number != int(number)):
        kind = "a whole number" if name in _WHOLE else "a number"
        raise PolicyTrainingError(
            f"--set {name}: found {text!r}; expected {kind} from {low:g} to {high:g}; correct it"
        )
    return number
