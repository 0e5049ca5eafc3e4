"""Letting a candidate serve, or not: the gate's report is kept with it, and the move is made.

Where the gate is set to, what passed on the log has to pass on live clicks as well (`live_trial`).
"""

from pathlib import Path

from models.registry import registry
from models.registry.versions import Version
from trainer.examples.examples import Examples
from trainer.gate.gate import GateReport, judge, said, serving
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
    """Judge a version of the registry on the newest of `examples`, keep the report, promote or refuse it.

    Raises LedgerError where another version is pinned, PromotionError where workers cannot be told.
    """
    return conclude(name, judge(moves.folder / name, serving(moves, name), examples, settings), moves, trial)


def conclude(name: str, report: GateReport, moves: Promotions, trial: LiveTrial | None = None) -> GateReport:
    """Keep a report and make the move. What passed is first compared on live clicks if there is a `trial`.

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
    """The report that a version's folder has; pictures stay there. Raises RegistryError."""
    figures = read(folder)
    return GateReport(Verdict(figures["verdict"] == "passed", figures["reason"]), figures)


def _compared(
    report: GateReport, version: Version, incumbent: str, moves: Promotions, trial: LiveTrial
) -> GateReport:
    found = trial.judge(version, incumbent, lambda: moves.ledger.status().serving)
    passed, why = found.verdict
    verdict = Verdict(passed, f"{report.verdict.reason}; {why}" if passed else why)
    figures = report.figures | said(verdict) | {"shadow": found.figures}
    return GateReport(verdict, figures, report.pictures)
