"""The gate: a candidate is promoted only if it is good enough on the newest clicks.

Candidate, incumbent, the tiers below the network and the baselines answer the same clicks, from sessions that
neither version was trained on. A paired bootstrap over visitors (`trainer.evaluation.bootstrap`) separates
differences from noise; `verdict.py` has the rules. `admission.py` stores the report and promotes or refuses
the candidate.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from models.errors import PathcastError
from models.registry import registry
from models.registry.versions import Version
from trainer.drift import drift_report
from trainer.drift.drift import measure
from trainer.drift.drift_settings import DriftSettings
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples
from trainer.gate.gate_figures import (
    Contestant,
    Difference,
    contestant,
    megabytes,
    microseconds,
    tiers_and_baselines,
)
from trainer.gate.gate_settings import GateSettings
from trainer.gate.picture import picture
from trainer.gate.verdict import Rival, Verdict, decide, floors, too_little
from trainer.logs.lineage import calibrated_until, last_session
from trainer.promotion.promotions import Promotions


class GateReport(NamedTuple):
    """The gate's verdict, all figures as JSON values, and pictures (PNG) by name."""

    verdict: Verdict
    figures: dict[str, Any]
    pictures: Mapping[str, bytes] = MappingProxyType({})


def judge(
    candidate: Path, incumbent: Version | None, examples: Examples, settings: GateSettings
) -> GateReport:
    """Judge the version in a folder; a version that cannot be loaded is refused with the message of the
    error.
    """
    try:
        version = registry.load(candidate)
    except PathcastError as error:
        return _refused(candidate.name, incumbent, str(error), {})
    seen = max(calibrated_until(version.metrics), last_session(incumbent.metrics) if incumbent else 0)
    newest = Holdout.newest(examples, seen)
    lacking = too_little(newest.visitors, newest.buyers, bool(examples.buys.any()), settings)
    if lacking:
        return _refused(version.id, incumbent, f"there is too little to judge: {lacking}", newest.described())
    return _judged(version, incumbent, newest, settings)


class Contestants(NamedTuple):
    """The contestants' answers to the slice: the candidate, the incumbent if one serves, and the tiers and
    baselines by name.
    """

    candidate: Contestant
    incumbent: Contestant | None
    field: dict[str, Contestant]

    def leads(self) -> dict[str, dict[str, Difference]]:
        """The candidate's lead over each tier and baseline."""
        return {name: self.candidate.against(one) for name, one in self.field.items()}


def _contestants(version: Version, incumbent: Version | None, newest: Holdout) -> Contestants:
    both = [version, incumbent] if incumbent else [version]
    met = [contestant(one.neural, newest, len(one.vocabulary.ids)) for one in both]
    times = microseconds([one.neural for one in both], newest)
    for one, contestant_figures, spent in zip(both, met, times, strict=True):
        contestant_figures.figures.update(microseconds=spent, megabytes=megabytes(one))
    return Contestants(met[0], met[1] if incumbent else None, tiers_and_baselines(version, newest))


def _judged(
    version: Version, incumbent: Version | None, newest: Holdout, settings: GateSettings
) -> GateReport:
    met = _contestants(version, incumbent, newest)
    own, other = met.candidate, met.incumbent
    held = floors(own.figures, other.figures if other else None, settings)
    rival = Rival(incumbent.id, own.against(other), other.figures) if incumbent and other else None
    fresher = incumbent is None or _newest(version) > _newest(incumbent)
    apart = met.leads()
    verdict = decide(held, apart, rival, fresher, settings)
    named = {version.id: own} | ({rival.name: other} if rival and other else {})
    differences = ({rival.name: rival.differences} if rival else {}) | apart
    report = _head(version.id, incumbent, verdict) | {
        "slice": newest.described(),
        "figures": {name: one.figures for name, one in (named | met.field).items()},
        "ahead of": {name: _plain(each) for name, each in differences.items()},
        "floors": [floor._asdict() for floor in held],
        "settings": settings.model_dump(),
    }
    drawn = {"report.png": picture(named, differences, newest)}
    drift = measure(incumbent, newest, DriftSettings()) if incumbent else None
    if drift:
        report |= {"drift": drift._asdict()}
        drawn |= {"drift.png": drift_report.picture(drift)}
    return GateReport(verdict, report, drawn)


def _newest(version: Version) -> tuple[int, int]:
    """The newest sessions that weights and calibration have used; weights count first."""
    return last_session(version.metrics), calibrated_until(version.metrics)


def _plain(differences: Mapping[str, Difference]) -> dict[str, dict[str, float]]:
    return {figure: found._asdict() for figure, found in differences.items()}


def _refused(name: str, incumbent: Version | None, why: str, described: dict[str, int]) -> GateReport:
    verdict = Verdict(False, why)
    return GateReport(verdict, _head(name, incumbent, verdict) | {"slice": described})


def _head(name: str, incumbent: Version | None, verdict: Verdict) -> dict[str, Any]:
    return {
        "candidate": name,
        "incumbent": incumbent.id if incumbent else None,
        **verdict_fields(verdict),
    }


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """The verdict as entries of the report's figures."""
    return {"verdict": "passed" if verdict.passed else "refused", "reason": verdict.reason}


def serving(moves: Promotions, candidate: str) -> Version | None:
    """The version that a candidate must beat; None if none serves, or the serving one cannot be loaded."""
    name = moves.ledger.status().serving
    if name is None or name == candidate:
        return None
    try:
        return registry.load(moves.folder / name)
    except PathcastError:
        # An incumbent that is damaged or made for other features cannot compete with a working candidate.
        return None
