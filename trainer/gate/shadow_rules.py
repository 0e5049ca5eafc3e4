"""Rules of the live trial: workers' comparisons on live clicks are combined and judged.

Each worker reports figures of its own clicks (`models.contract.updates.Comparison`); the gate decides on all
of them together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from models.contract.updates import Comparison, Side
from trainer.gate.gate_settings import GateSettings
from trainer.gate.verdict import Floor, Verdict

AGREEMENT = ("correlation", "difference", "items_shared", "first_shared")
#: Figures of a version, and the weight of their means: clicks with a known outcome, purchases, batches.
_SIDE = {
    "mean": "outcomes",
    "average_precision": "bought",
    "brier": "outcomes",
    "calibration_error": "outcomes",
    "ms_p50": "batches",
}


def combined(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The comparisons of all workers combined, as JSON values: means weighted by clicks, and the largest
    `ms_p99`.
    """
    return {
        "workers": len(comparisons),
        **{name: sum(getattr(one, name) for one in comparisons) for name in ("scored", "outcomes", "bought")},
        "agreement": {name: _mean(comparisons, "scored", attrgetter(name)) for name in AGREEMENT},
        "candidate": _side(comparisons, lambda one: one.challenger),
        "incumbent": _side(comparisons, lambda one: one.incumbent),
    }


def _side(comparisons: Sequence[Comparison], which: Callable[[Comparison], Side]) -> dict[str, float]:
    means = {name: _mean(comparisons, by, _of(which, name)) for name, by in _SIDE.items()}
    return means | {"ms_p99": max((which(one).ms_p99 for one in comparisons), default=0.0)}


def _of(which: Callable[[Comparison], Side], name: str) -> Callable[[Comparison], float]:
    return lambda one: getattr(which(one), name)


def _mean(comparisons: Sequence[Comparison], weight: str, value: Callable[[Comparison], float]) -> float:
    total = sum(getattr(one, weight) for one in comparisons)
    return sum(getattr(one, weight) * value(one) for one in comparisons) / total if total else 0.0


def shortage(figures: Mapping[str, Any], settings: GateSettings) -> str:
    """Why there are too few clicks to compare; empty if there are enough."""
    if figures["scored"] < settings.shadow_events:
        return f"workers scored {figures['scored']:,} of {settings.shadow_events:,} clicks"
    wanted = settings.shadow_outcomes * settings.shadow_events
    if figures["outcomes"] < wanted:
        return f"the outcome of {figures['outcomes']:,} clicks is known, expected {wanted:,.0f}"
    return ""


def limits(figures: Mapping[str, Any], settings: GateSettings) -> list[Floor]:
    """Latency and calibration error of the candidate beside their limits, relative to the incumbent on the
    same clicks.
    """
    own, other = figures["candidate"], figures["incumbent"]
    ratio = own["ms_p50"] / other["ms_p50"] if other["ms_p50"] else 1.0
    worst = other["calibration_error"] + settings.shadow_calibration
    error = own["calibration_error"]
    return [
        Floor("time, of the incumbent's", ratio, settings.shadow_latency, ratio <= settings.shadow_latency),
        Floor("calibration error", error, worst, error <= worst),
    ]


def decide(figures: Mapping[str, Any], held: Sequence[Floor], incumbent: str) -> Verdict:
    """The verdict on a candidate that workers have compared on enough clicks."""
    where = f"on {figures['scored']:,} live clicks"
    missed = next((one for one in held if not one.kept), None)
    if missed:
        return Verdict(False, f"{where} its {missed.figure} is {missed.value:.4g}, above {missed.limit:.4g}")
    return Verdict(True, f"{where} it is as fast and as well calibrated as {incumbent}, within the limits")


def text(figures: Mapping[str, Any], names: tuple[str, str]) -> Iterator[str]:
    """A section of the report as Markdown; `names` are candidate and incumbent."""
    yield "## Live trial"
    yield ""
    if "workers" not in figures:
        yield f"Workers will compare both versions on {figures['wanted']:,} live clicks."
        return
    yield (
        f"{figures['workers']} workers compared both on {figures['scored']:,} live clicks (asked for: "
        f"{figures['wanted']:,}). The outcome of {figures['outcomes']:,} is known: "
        f"{figures['bought']:,} were followed by a purchase."
    )
    yield ""
    agreed = figures["agreement"]
    yield (
        f"Purchase probabilities correlate {agreed['correlation']:.3f} and differ by "
        f"{agreed['difference']:.4f}; {agreed['items_shared']:.0%} of the items are shared, "
        f"{agreed['first_shared']:.0%} of the first ones."
    )
    yield ""
    yield f"| | {' | '.join((*_SIDE, 'ms_p99'))} |"
    yield "|---" * (2 + len(_SIDE)) + "|"
    for name, side in zip(names, ("candidate", "incumbent"), strict=True):
        yield f"| {name} | {' | '.join(f'{value:.4f}' for value in figures[side].values())} |"
    yield ""
    yield "| limit | found | at most | kept |"
    yield "|---|---|---|---|"
    for one in figures["limits"]:
        kept = "yes" if one["kept"] else "no"
        yield f"| {one['figure']} | {one['value']:.4f} | {one['limit']:.4f} | {kept} |"
