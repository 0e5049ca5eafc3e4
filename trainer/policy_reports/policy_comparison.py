"""Two policies on the same decisions: the difference of their values with its interval."""

from typing import Any

from trainer.off_policy.fitted_q import FQE
from trainer.off_policy.intervals import INTERVALS, PairedDifference, Single
from trainer.policy_reports.policy_value import HEADLINE, Judged, PolicyJudge, known, report

#: What reports of single policies and of both have in common.
_COMMON = ("decisions", "visitors", "actions", "on_policy", "interval", "reward_model", "seed")


def comparison(judge: PolicyJudge, first: Judged, second: Judged) -> dict[str, Any]:
    """What `pathcast policy compare` writes: ESTIMATOR.{value,low,high}, the value of `first` less that of
    `second`, resampled together; `a` and `b` have the policies by themselves.
    """
    found: dict[str, Any] = {name: _difference(judge, first, second, name) for name in first.terms}
    own = {"a": report(judge, first), "b": report(judge, second)}
    if FQE in own["a"]:
        found[FQE] = _of_values(own["a"][FQE]["value"], own["b"][FQE]["value"])
    parts = {
        side: {key: one for key, one in said.items() if key not in _COMMON} for side, said in own.items()
    }
    return found | {key: own["a"][key] for key in _COMMON} | parts


def _difference(judge: PolicyJudge, first: Judged, second: Judged, name: str) -> dict[str, Any]:
    estimate = PairedDifference(Single(first.terms[name]), Single(second.terms[name]))
    bounds = {kind: judge.interval(estimate, kind=kind) for kind in INTERVALS}
    chosen = bounds[judge.settings.interval]
    return {
        "value": known(estimate.value),
        "low": known(chosen.low),
        "high": known(chosen.high),
        "ess": min(first.terms[name].effective, second.terms[name].effective),
        "intervals": {kind: [known(one.low), known(one.high)] for kind, one in bounds.items()},
    }


def _of_values(first: float | None, second: float | None) -> dict[str, Any]:
    """A difference without an interval: each policy fits a Q function of its own."""
    value = None if first is None or second is None else first - second
    return {"value": value, "low": None, "high": None, "ess": None}


def sentence(found: dict[str, Any]) -> str:
    """What the difference says, in words."""
    name = HEADLINE if HEADLINE in found else next(iter(found))
    low, high, first, second = found[name]["low"], found[name]["high"], found["a"], found["b"]
    pair = f"{first['policy']} and {second['policy']}"
    if low is None or high is None:
        return f"The log cannot tell {pair} apart: nothing overlaps."
    bounds = f"by {name}, {found['interval']['level']:.0%} interval {low:.4g} to {high:.4g}"
    if low > 0:
        return f"{first['policy']} is better than {second['policy']} ({bounds})."
    if high < 0:
        return f"{second['policy']} is better than {first['policy']} ({bounds})."
    return f"The log does not tell {pair} apart ({bounds})."
