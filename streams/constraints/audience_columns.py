"""The columns that audience expressions read, for a whole chunk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.constraints.audience_names import FEATURES, HOURS
from models.contract.decision_context import Context
from models.contract.events import Click
from models.durations import DAY_MS, HOUR_MS
from models.features.raw_values import raw_values

#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY: Final = 3
Column = NDArray[Any]


def _hour(ts: int) -> float:
    return ts // HOUR_MS % 24


def _weekday(ts: int) -> float:
    return (ts // DAY_MS + _FIRST_WEEKDAY) % 7


#: Numbers and words that are no features, of a click and its context.
_NUMBERS: Final[Mapping[str, Callable[[Click, Context], float]]] = {
    "purchase_probability": lambda click, context: context.purchase_probability,
    "session_risk": lambda click, context: np.nan if context.session_risk is None else context.session_risk,
    "hour": lambda click, context: _hour(click.ts),
    "weekday": lambda click, context: _weekday(click.ts),
}
_WORDS: Final[Mapping[str, Callable[[Click, Context], str]]] = {
    "stage": lambda click, context: context.stage,
    "event": lambda click, context: context.event,
    "device": lambda click, context: click.device or "",
    "channel": lambda click, context: click.channel or "",
    "country": lambda click, context: click.country or "",
}


def audience_columns(
    names: frozenset[str], clicks: Sequence[Click], contexts: Sequence[Context], rows: Callable[[], bytes]
) -> dict[str, Column]:
    """The columns of these names (`models.constraints.audience_names`), one value a click.

    `rows` returns the packed feature rows; it is called where a feature is read.
    """
    pairs = list(zip(clicks, contexts, strict=True))
    found: dict[str, Column] = {}
    for name in names & _NUMBERS.keys():
        found[name] = np.array([_NUMBERS[name](*pair) for pair in pairs], dtype=np.float64)
    for name in names & _WORDS.keys():
        found[name] = np.array([_WORDS[name](*pair) for pair in pairs], dtype=object)
    features = {**{name: name for name in FEATURES}, **HOURS}
    wanted = {name: features[name] for name in names & features.keys()}
    if wanted:
        values = raw_values(rows(), wanted.values())
        for name, feature in wanted.items():
            found[name] = _hours(values[feature]) if name in HOURS else values[feature]
    return found


def _hours(since_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(since_ms < 0, np.nan, since_ms / HOUR_MS)
