"""Admission of a candidate: the gate's report is stored with it, and it is promoted or refused.

If the settings demand it, a candidate that passes on the log must also pass on live clicks (`live_trial`).
"""

from pathlib import Path

from models.registry import registry
from models.registry.versions import Version
from trainer.examples.examples import Examples
from trainer.gate.gate import GateReport, judge, serving, verdict_fields
from trainer.gate.gate_report import keep, read
from trainer.gate.gate_settings import GateSettings
from trainer.gate.live_trial import LiveTrial
from trainer.gate.verdict import Verdict
from trainer.promotion.promotions import Promotions


def admit(
    name: str,
    examples: Examples,
    settings: GateSettings,
    moves: Promotions,
    trial: LiveTrial | None = None,
) -> GateReport:
    """Judge a version of the registry on the newest of `examples`, store the report, and promote or refuse
    it.

    Raises LedgerError if another version is pinned, PromotionError if the workers cannot be notified.
    """
    return conclude(name, judge(moves.folder / name, serving(moves, name), examples, settings), moves, trial)


def conclude(name: str, report: GateReport, moves: Promotions, trial: LiveTrial | None = None) -> GateReport:
    """Store a report and promote or refuse the version. With a `trial`, a candidate that passed is first
    compared on live clicks.

    Raises as `admit` does.
    """
    folder, incumbent = moves.folder / name, report.figures["incumbent"]
    if trial is not None and report.verdict.passed and incumbent:
        awaited = {"shadow": {"wanted": trial.settings.shadow_events}}
        keep(folder, report.figures | awaited, report.pictures)
        report = _compared(report, registry.load(folder), incumbent, moves, trial)
    keep(folder, report.figures, report.pictures)
    if report.verdict.passed:
        moves.promote(name, report.verdict.reason)
    else:
        moves.refuse(name, report.verdict.reason)
    return report


def kept(folder: Path) -> GateReport:
    """The report in a version's folder, without its pictures. Raises RegistryError."""
    figures = read(folder)
    return GateReport(Verdict(figures["verdict"] == "passed", figures["reason"]), figures)


def _compared(
    report: GateReport, version: Version, incumbent: str, moves: Promotions, trial: LiveTrial
) -> GateReport:
    findings = trial.judge(version, incumbent, lambda: moves.ledger.status().serving)
    passed, why = findings.verdict
    verdict = Verdict(passed, f"{report.verdict.reason}; {why}" if passed else why)
    figures = report.figures | verdict_fields(verdict) | {"shadow": findings.figures}
    return GateReport(verdict, figures, report.pictures)
