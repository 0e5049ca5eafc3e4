"""The policy gate's rules: from figures to a verdict and its reason in one sentence."""

from typing import NamedTuple

from trainer.policy_gate.constraint_replay import ConstraintReplay
from trainer.policy_gate.policy_figures import PolicyFigures
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings


class PolicyVerdict(NamedTuple):
    """Whether a candidate may serve, and why."""

    passed: bool
    reason: str


def verdict(
    figures: PolicyFigures,
    candidate: ConstraintReplay,
    incumbent: ConstraintReplay,
    settings: PolicyGateSettings,
) -> PolicyVerdict:
    """The first rule that speaks decides: enough decisions, masks, costs, enough effective ones, the lead."""
    for refusal in (
        _too_few(figures.decisions, settings),
        _constraints(candidate),
        _costs(candidate, incumbent, settings),
        _overlap(figures, settings),
    ):
        if refusal:
            return PolicyVerdict(False, refusal)
    return _lead(figures, settings)


def _too_few(decisions: int, settings: PolicyGateSettings) -> str:
    if decisions >= settings.least_decisions:
        return ""
    return f"{decisions:,} logged decisions are too few to judge on; at least {settings.least_decisions:,}"


def _constraints(found: ConstraintReplay) -> str:
    if found.masked:
        return f"in {found.masked:,} decisions of the log it would take an action that constraints left out"
    if found.overspent:
        one = found.overspent[0]
        return (
            f"{one.action} would cost {one.expected:,.2f} on a day of the log, above its budget of "
            f"{one.budget:,.2f} a day"
        )
    return ""


def _costs(candidate: ConstraintReplay, incumbent: ConstraintReplay, settings: PolicyGateSettings) -> str:
    if settings.most_spend is None or candidate.cost <= settings.most_spend * incumbent.cost:
        return ""
    return (
        f"its actions would cost {candidate.cost:.4f} a decision, the incumbent's {incumbent.cost:.4f}: more "
        f"than {settings.most_spend:g} times as much"
    )


def _overlap(figures: PolicyFigures, settings: PolicyGateSettings) -> str:
    if figures.effective >= settings.least_effective:
        return ""
    return (
        f"the log has {figures.effective:,.0f} effective {figures.unit}s of its kind; at least "
        f"{settings.least_effective:,.0f} are needed"
    )


def _lead(figures: PolicyFigures, settings: PolicyGateSettings) -> PolicyVerdict:
    lead = figures.difference
    passed = bool(lead.low > 0)
    said = (
        f"its value is {figures.candidate.value:.4f} a {figures.unit}, the incumbent's "
        f"{figures.incumbent.value:.4f}: {lead.value:+.4f}, {settings.level:.0%} from {lead.low:+.4f} to "
        f"{lead.high:+.4f}"
    )
    return PolicyVerdict(passed, said if passed else f"it is not shown to be better: {said}")
