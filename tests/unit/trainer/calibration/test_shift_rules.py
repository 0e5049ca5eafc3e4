"""A change of the base rate is found, measured and undone; noise is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.durations import HOUR_MS
from tests.matured import moved, simulated
from trainer.ab_tests.sequential import always_valid_mean, summarise
from trainer.calibration.calibration_figures import (
    CalibrationMetrics,
    figures_of,
    read_figures,
    write_figures,
)
from trainer.calibration.calibration_gap import gap_of, remaining
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.calibration.shift_rules import BY, due_shift, hindrance
from trainer.promotion.ledger import Ledger
from trainer.promotion.status import LedgerEntry, What

RULES = CalibrationSettings()


@pytest.mark.parametrize("change", [-0.6, 0.6])
def test_a_changed_base_rate_is_undone_without_changing_the_order(change: float) -> None:
    answers = simulated(1, 20_000, change)
    before = figures_of(answers)
    shift = due_shift(answers, RULES).shift
    assert shift is not None
    assert shift.step == pytest.approx(change, abs=0.15)
    later = simulated(2, 20_000, change)
    after = moved(later, shift.step)
    assert figures_of(later).error == pytest.approx(before.error, abs=0.005)
    assert before.error > 0.01
    assert figures_of(after).error < 0.01
    assert figures_of(after).error < before.error / 2
    assert (np.diff(after.chance[np.argsort(later.chance)]) >= 0).all()


def test_noise_makes_no_version_in_95_of_100_months() -> None:
    """Each month is looked at every 500 sessions, in a window of the newest 3,000."""
    shifts = 0
    for seed in range(40):
        month = simulated(100 + seed, 12_000)
        looks = (
            month.part((month.session < end) & (month.session >= end - 3_000))
            for end in range(500, 12_001, 500)
        )
        shifts += any(due_shift(look, RULES).shift for look in looks)
    assert shifts <= 2


def test_a_shift_is_bounded_and_a_small_one_is_not_made() -> None:
    far = due_shift(simulated(3, 20_000, 1.5), RULES).shift
    assert far is not None
    assert far.step == RULES.largest_shift
    strict = RULES.model_copy(update={"least_shift": 0.69, "largest_shift": 0.5})
    assert "too small" in due_shift(simulated(3, 20_000, 1.5), strict).why


def test_few_sessions_and_few_buyers_say_nothing() -> None:
    assert due_shift(simulated(1, 300), RULES).why == "only 300 sessions are over, expected 500"
    few = simulated(1, 600)
    assert "purchases, expected 50" in due_shift(few, RULES).why
    assert "within noise: " in due_shift(simulated(1, 8_000), RULES).why
    none = replace(simulated(1, 8_000), bought=np.zeros(len(simulated(1, 8_000)), dtype=np.bool_))
    assert gap_of(none, 0.01).shift == 0
    empty = figures_of(few.part(np.zeros(len(few), dtype=np.bool_)))
    assert (empty.answers, empty.error, empty.top_decile_error) == (0, 0, 0)


def test_the_newest_sessions_must_confirm() -> None:
    answers = simulated(4, 20_000, 0.6)
    newest = answers.session > 15_000
    sold_out = replace(answers, bought=answers.bought & ~newest)
    assert "do not confirm it" in due_shift(sold_out, RULES).why


def test_answers_weigh_alike_and_visitors_make_the_noise() -> None:
    answers = simulated(5, 3_000)
    gap = gap_of(answers, 0.05)
    assert gap.foreseen == pytest.approx(answers.chance.mean())
    assert remaining(answers, 0.0) == pytest.approx(gap.seen - gap.foreseen)
    few = gap_of(replace(answers, visitor=answers.visitor % 200), 0.05)
    twice = np.concatenate([np.arange(len(answers))] * 2)
    arrays = {name: value[twice] for name, value in vars(answers).items() if name != "reached"}
    doubled = gap_of(replace(answers, **arrays), 0.05)
    assert doubled.noise == pytest.approx(gap.noise)
    assert doubled.high - doubled.low == pytest.approx(gap.high - gap.low)
    assert few.seen == gap.seen


def test_the_interval_of_a_mean_needs_a_level() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        always_valid_mean(summarise(np.ones(3)), 100, 1.0)


def test_what_the_ledger_says_hinders(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    def enter(what: What, version: str, at: int, by: str = BY) -> None:
        ledger.enter(lambda _: [LedgerEntry(at=at, what=what, version=version, by=by)])

    def why(at: int) -> str:
        return hindrance(ledger, RULES, at)

    assert why(0) == "no version serves"
    enter(What.PROMOTED, "trained", 1, "gate")
    assert why(2) == ""
    enter(What.REFUSED, "shifted", 3)
    assert why(4) == "the last shift was less than 12 hours ago"
    assert why(4 + 12 * HOUR_MS) == ""
    enter(What.PROMOTED, "again", 5)
    enter(What.TAKEN_BACK, "again", 6, "operator")
    assert why(7 + 12 * HOUR_MS) == "a shift of it was taken back: again"
    enter(What.PROMOTED, "newer", 8, "gate")
    assert why(9 + 12 * HOUR_MS) == ""
    enter(What.PINNED, "newer", 10, "operator")
    assert why(10 + 24 * HOUR_MS) == "newer is pinned"


def test_figures_are_kept_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_figures(tmp_path) is None
    figures = figures_of(simulated(6, 1_000))
    write_figures(tmp_path, figures)
    assert read_figures(tmp_path) == figures
    gauges = CalibrationMetrics()
    gauges.show(figures)
    value = gauges.registry.get_sample_value
    assert value("pathcast_calibration_error") == figures.error
    assert value("pathcast_calibration_purchases", {"which": "seen"}) == figures.seen
    (tmp_path / "calibration.json").write_text("{")
    assert read_figures(tmp_path) is None
    assert "calibration figures ignored" in capsys.readouterr().out
