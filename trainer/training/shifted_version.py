"""A version whose purchase probabilities are another version's with their logits shifted by a constant."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from models.network.network import Network
from models.registry import registry
from models.registry.registry import Parts
from models.registry.versions import Version
from trainer.calibration.calibration_gap import shifted
from trainer.calibration.shift_rules import PriorShift
from trainer.drift.drift import REFERENCE
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples
from trainer.gate.admission import conclude
from trainer.gate.gate import GateReport, judge, serving, verdict_fields
from trainer.gate.gate_settings import GateSettings
from trainer.gate.live_trial import LiveTrial
from trainer.gate.verdict import Verdict, too_little
from trainer.logs.lineage import PRIOR_SHIFT
from trainer.promotion.promotions import Promotions
from trainer.training.adapt import parts_of


def save_shifted(version: Version, shift: PriorShift, moves: Promotions) -> str:
    """Save a shifted version; returns its name. Raises RegistryError."""
    return registry.save(moves.folder, shifted_parts(version, shift), moves.now())


def shifted_parts(version: Version, shift: PriorShift) -> Parts:
    """The parts of a version with all its purchase probabilities shifted; weights and order stay."""
    parts = parts_of(version)
    return replace(
        parts, network=_shifted(parts.network, shift.step), metrics=_metrics(version, parts.metrics, shift)
    )


def admit_shifted(
    name: str,
    shift: PriorShift,
    examples: Examples,
    settings: GateSettings,
    moves: Promotions,
    trial: LiveTrial | None = None,
) -> GateReport:
    """Let the gate judge a shifted version; the reason begins with the shift. Raises as `admit` does."""
    report = judge(moves.folder / name, serving(moves, name), examples, settings)
    verdict = Verdict(report.verdict.passed, f"{shift.reason}; {report.verdict.reason}")
    if report.figures["incumbent"] != shifted_from(registry.load(moves.folder / name).metrics):
        verdict = Verdict(False, f"{shift.reason}; another version was promoted meanwhile")
    figures = report.figures | verdict_fields(verdict)
    return conclude(name, report._replace(verdict=verdict, figures=figures), moves, trial)


def shifted_from(metrics: Mapping[str, Any]) -> str:
    """The version that one with these metrics is a shift of."""
    return str(metrics[PRIOR_SHIFT]["of"])


def lacking(examples: Examples, shift: PriorShift, settings: GateSettings) -> str:
    """Why the gate could not judge a shifted version yet; empty if it can."""
    newest = Holdout.newest(examples, shift.until)
    return too_little(newest.visitors, newest.buyers, bool(examples.buys.any()), settings)


def _shifted(network: Network, step: float) -> Network:
    copy = deepcopy(network)
    copy.calibration[:, 1] += step
    return copy


def _metrics(version: Version, metrics: dict[str, Any], shift: PriorShift) -> dict[str, Any]:
    before = metrics.get(PRIOR_SHIFT, {})
    described = {
        "of": version.id,
        "step": shift.step,
        "since training": float(before.get("since training", 0.0)) + shift.step,
        "until": shift.until,
        **shift.gap._asdict(),
    }
    moved = {"threshold": _moved(metrics["threshold"], shift.step)} if "threshold" in metrics else {}
    return metrics | moved | _reference(metrics, shift.step) | {PRIOR_SHIFT: described}


def _reference(metrics: Mapping[str, Any], step: float) -> dict[str, Any]:
    """Drift compares probabilities with those of validation, which the shift would have moved as well."""
    reference = metrics.get(REFERENCE)
    if reference is None:
        return {}
    score = reference["score"]
    edges = [float(f"{_moved(edge, step):.6g}") for edge in score["edges"]]
    return {REFERENCE: reference | {"score": score | {"edges": edges}}}


def _moved(chance: float, step: float) -> float:
    return float(shifted(np.array([chance]), step)[0])
