"""The gate's rules: from figures to a verdict and its reason in one sentence."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trainer.baselines.intent import INTENT
from trainer.gate.gate_figures import Difference
from trainer.gate.gate_settings import GateSettings

#: Baselines that cannot block a candidate: they are trained for comparison, but nothing serves them.
NOT_BLOCKING = frozenset(name for name, kind in INTENT.items() if not kind.blocks)
_NAMES = {
    "average_precision": "average precision of purchase intent",
    "recall_20": "recall of the next item among 20",
    "ece": "calibration error",
    "coverage": "coverage of the items",
    "microseconds": "time per click (µs)",
    "megabytes": "size (MB)",
}
#: Figures whose floor is a smallest value; all other limits are largest values.
_LEAST = frozenset({"coverage"})
#: Tolerance factor relative to the incumbent's figure if both miss a floor: times differ by chance.
_SLACK = {"microseconds": 1.2}
Differences = Mapping[str, Difference]


class Verdict(NamedTuple):
    """Whether a candidate may serve, and why."""

    passed: bool
    reason: str


_FIRST = Verdict(True, "nothing serves yet, and it is behind no tier that would answer without it")


class Rival(NamedTuple):
    """The incumbent: the candidate's lead over it, and its own figures."""

    name: str
    differences: Differences
    figures: Mapping[str, float]


class Floor(NamedTuple):
    """A candidate's figure and the limit that it must keep."""

    figure: str
    value: float
    limit: float
    kept: bool


def floors(
    candidate: Mapping[str, float], incumbent: Mapping[str, float] | None, settings: GateSettings
) -> list[Floor]:
    """Each floor. If the incumbent misses a floor, its own figure replaces it, with a tolerance for times."""
    limits = {
        "ece": settings.calibration,
        "coverage": settings.coverage,
        "microseconds": settings.microseconds,
        "megabytes": settings.megabytes,
    }
    return [_floor(name, candidate[name], limit, incumbent) for name, limit in limits.items()]


def _floor(name: str, value: float, limit: float, incumbent: Mapping[str, float] | None) -> Floor:
    bound = min if name in _LEAST else max
    limit = bound(limit, incumbent[name] * _SLACK.get(name, 1.0)) if incumbent else limit
    return Floor(name, value, limit, value >= limit if name in _LEAST else value <= limit)


def too_little(visitors: int, buyers: int, any_purchase: bool, settings: GateSettings) -> str:
    """Why a slice is too small to judge on; empty if it is large enough."""
    if visitors < settings.least_visitors:
        return f"only {visitors} visitors began sessions since then, expected {settings.least_visitors}"
    if any_purchase and buyers < settings.least_buyers:
        return f"only {buyers} visitors bought since then, expected {settings.least_buyers}"
    return ""


def decide(
    held: list[Floor],
    field: Mapping[str, Differences],
    incumbent: Rival | None,
    fresher: bool,
    settings: GateSettings,
) -> Verdict:
    """The verdict on a candidate that there are enough clicks to judge.

    `field` are its differences to the tiers and baselines. A candidate is `fresher` if it was trained on
    newer sessions.
    """
    missed = next((floor for floor in held if not floor.kept), None)
    if missed:
        word = "below" if missed.figure in _LEAST else "above"
        return Verdict(False, f"its {_NAMES[missed.figure]} is {missed.value:.4g}, {word} {missed.limit:.4g}")
    compared = _compared(incumbent, fresher, settings) if incumbent else _FIRST
    behind = next(_behind(field), None)
    # Behind a tier, but better than what serves, is still an improvement.
    improves = compared.passed and incumbent is not None and _better(incumbent) is not None
    return Verdict(False, behind) if behind and not improves else compared


def _behind(field: Mapping[str, Differences]) -> Iterator[str]:
    for name, differences in field.items():
        if name not in NOT_BLOCKING:
            for figure, difference in differences.items():
                if difference.high < 0:
                    yield f"it is behind {name} in {_told(figure, difference)}"


def _compared(rival: Rival, fresher: bool, settings: GateSettings) -> Verdict:
    name, differences = rival.name, rival.differences
    worse = next((figure for figure, difference in differences.items() if difference.high < 0), None)
    if worse:
        return Verdict(False, f"it is worse than {name} in {_told(worse, differences[worse])}")
    better = _better(rival)
    if better:
        return Verdict(True, f"it is better than {name} in {_told(better, differences[better])}")
    doubt = next(_doubtful(rival, settings.margin), None)
    if doubt:
        described = _told(doubt, differences[doubt])
        return Verdict(False, f"it may be worse than {name} by more than the margin in {described}")
    if settings.require_fresher and not fresher:
        return Verdict(False, f"it is equal to {name} within noise, and has seen nothing newer")
    return Verdict(True, f"it is equal to {name} within noise, and has seen newer sessions")


def _better(rival: Rival) -> str | None:
    return next((figure for figure, difference in rival.differences.items() if difference.low > 0), None)


def _doubtful(rival: Rival, margin: float) -> Iterator[str]:
    for figure, difference in rival.differences.items():
        if difference.low < -margin * rival.figures[figure]:
            yield figure


def _told(figure: str, lead: Difference) -> str:
    return f"{_NAMES[figure]} ({lead.ahead:+.4f}, 95% from {lead.low:+.4f} to {lead.high:+.4f})"
