"""When purchase probabilities are shifted: from matured answers to a shift, or to the reason for none."""

from typing import NamedTuple

import numpy as np

from models.durations import HOUR_MS
from trainer.calibration.calibration_gap import CalibrationGap, gap_of, remaining
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.calibration.matured_answers import MaturedAnswers
from trainer.promotion.ledger import Ledger
from trainer.promotion.status import What

#: Who enters the moves of shifted versions in the ledger.
BY = "calibration"


class PriorShift(NamedTuple):
    """A shift by `step` (logit), the gap that it was learned from, and the begin of the newest session of
    these (epoch ms).
    """

    step: float
    gap: CalibrationGap
    until: int

    @property
    def reason(self) -> str:
        """The shift and its gap in words."""
        return f"purchase probabilities shifted by {self.step:+.2f} (logit): {said(self.gap)}"


class ShiftDue(NamedTuple):
    """The shift that is due; None with the reason why none is."""

    shift: PriorShift | None
    why: str


def said(gap: CalibrationGap) -> str:
    """A gap in words."""
    return (
        f"{gap.foreseen:.2%} foreseen and {gap.seen:.2%} seen over {gap.sessions:,} sessions, a gap of "
        f"{100 * (gap.seen - gap.foreseen):+.2f} points (from {100 * gap.low:+.2f} to {100 * gap.high:+.2f})"
    )


def due_shift(answers: MaturedAnswers, rules: CalibrationSettings) -> ShiftDue:
    """The shift that the sessions of one version ask for."""
    if answers.sessions < rules.least_sessions:
        return _none(f"only {answers.sessions:,} sessions are over, expected {rules.least_sessions:,}")
    older, newer = _divided(answers, rules.confirm)
    gap = gap_of(older, rules.level)
    buyers = max(gap.buying_sessions, round(gap.foreseen / max(gap.seen, 1e-9) * gap.buying_sessions))
    if buyers < rules.least_buyers:
        return _none(f"only {buyers} purchases, expected {rules.least_buyers}")
    if not gap.beyond_noise:
        return _none(f"within noise: {said(gap)}")
    step = float(np.clip(gap.shift, -rules.largest_shift, rules.largest_shift))
    if abs(step) < rules.least_shift:
        return _none(f"a shift of {step:+.2f} (logit) is too small: {said(gap)}")
    if abs(remaining(newer, step)) >= abs(remaining(newer, 0.0)):
        return _none(f"the newest sessions do not confirm it: {said(gap)}")
    shift = PriorShift(step, gap, int(older.began.max()))
    return ShiftDue(shift, shift.reason)


def hindrance(ledger: Ledger, rules: CalibrationSettings, now: int) -> str:
    """Why the serving version may not be shifted at `now` (epoch ms), whatever its outcomes; empty if it may.

    Raises LedgerError.
    """
    status, entries = ledger.status(), ledger.entries()
    if status.serving is None:
        return "no version serves"
    if status.pinned:
        return f"{status.pinned} is pinned"
    own = [entry for entry in entries if entry.by == BY and entry.what in (What.PROMOTED, What.REFUSED)]
    if own and now - own[-1].at < rules.hours * HOUR_MS:
        return f"the last shift was less than {rules.hours:g} hours ago"
    began = next(entry.at for entry in entries if entry.version == status.serving)
    undone = next((one for one in own if one.version in status.taken_back and one.at >= began), None)
    return f"a shift of it was taken back: {undone.version}" if undone else ""


def _none(why: str) -> ShiftDue:
    return ShiftDue(None, why)


def _divided(answers: MaturedAnswers, confirm: float) -> tuple[MaturedAnswers, MaturedAnswers]:
    """The older sessions, and the newest share of them."""
    _, first = np.unique(answers.session, return_index=True)
    cut = np.quantile(answers.began[first], 1 - confirm)
    return answers.part(answers.began <= cut), answers.part(answers.began > cut)
