"""A shifted version answers with shifted probabilities and nothing else, and passes the usual gate."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.registry import registry
from models.registry.versions import Version
from tests.scoring import SHIPPED
from tests.training import same
from trainer.calibration.calibration_gap import CalibrationGap, shifted
from trainer.calibration.shift_rules import BY, PriorShift
from trainer.drift.drift import REFERENCE
from trainer.drift.psi import Histogram
from trainer.evaluation.evaluate import answers
from trainer.examples.examples import Examples
from trainer.gate.gate_settings import GateSettings
from trainer.logs.lineage import PRIOR_SHIFT, calibrated_until, last_session
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.promotion.promotions import Promotions
from trainer.training.adapt_live import is_incremental_update
from trainer.training.log_parts import Run
from trainer.training.shifted_version import admit_shifted, lacking, save_shifted, shifted_parts
from trainer.training.train import train

QUICK = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, heads_weight=0.5, refit=False)
EASY = GateSettings(least_visitors=2, least_buyers=1, margin=1.0, calibration=1.0)
GAP = CalibrationGap(4_000, 90, 0.02, 0.03, 0.004, 0.016, 0.5, 0.1)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(5_000)).examples()


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("shifted")
    read_log([SHIPPED]).head(5_000).sink_parquet(folder / "log.parquet")
    run = Run([folder / "log.parquet"], folder / "registry", options=QUICK, holdout=0.3)
    return train(run, 1_700_000_000_000, lambda progress: None)


@pytest.fixture
def moves(version: Version) -> Promotions:
    times = iter(range(1_700_000_001_000, 1_700_000_999_000, 1_000))
    made = Promotions(version.path.parent, lambda _: None, lambda: next(times), BY)
    made.promote(version.id, "first")
    return made


def step(version: Version, examples: Examples, size: float = 0.5) -> PriorShift:
    """A shift that was learned from the first third of the sessions that the version does not know."""
    new = examples.began[examples.began > last_session(version.metrics)]
    return PriorShift(size, GAP, int(np.quantile(new, 0.3)))


def test_probabilities_are_shifted_and_the_rest_is_as_before(version, examples, moves) -> None:
    made = registry.load(moves.folder / save_shifted(version, step(version, examples), moves))
    part = examples.part(examples.session < 300).grouped()
    one, other = answers(version.neural, part), answers(made.neural, part)
    np.testing.assert_allclose(other.purchase, shifted(one.purchase.astype(np.float64), 0.5), atol=1e-6)
    np.testing.assert_array_equal(one.ranks, other.ranks)
    assert made.metrics["threshold"] > version.metrics["threshold"]
    assert made.metrics[PRIOR_SHIFT]["of"] == version.id
    assert is_incremental_update(made.path)
    assert not is_incremental_update(version.path)
    known = Histogram(**made.metrics[REFERENCE]["score"])
    before = Histogram(**version.metrics[REFERENCE]["score"])
    assert known.stability(other.purchase) == pytest.approx(before.stability(one.purchase), abs=0.05)


def test_shifts_add_up_and_a_version_itself_stays(version, examples, moves) -> None:
    once = registry.load(moves.folder / save_shifted(version, step(version, examples), moves))
    back = shifted_parts(once, step(version, examples, -0.5))
    assert back.metrics[PRIOR_SHIFT]["since training"] == pytest.approx(0.0)
    torch.testing.assert_close(back.network.calibration, version.network.calibration)
    assert same(registry.load(version.path).network, version.network)


def test_the_gate_judges_on_sessions_after_those_of_the_shift(version, examples, moves) -> None:
    shift = step(version, examples)
    name = save_shifted(version, shift, moves)
    metrics = registry.load(moves.folder / name).metrics
    assert calibrated_until(metrics) == shift.until > last_session(metrics)
    report = admit_shifted(name, shift, examples, EASY, moves)
    assert report.verdict.passed, report.verdict.reason
    assert report.figures["slice"]["since"] > shift.until
    assert moves.ledger.status().serving == name
    assert moves.ledger.entries()[-1].by == BY
    assert moves.ledger.entries()[-1].reason.startswith(
        "purchase probabilities shifted by +0.50 (logit): 2.00% foreseen and 3.00% seen over 4,000 sessions"
    )
    assert "has seen newer sessions" in report.verdict.reason


def test_a_shift_of_what_does_not_serve_any_more_is_refused(version, examples, moves) -> None:
    shift = step(version, examples)
    stale = save_shifted(version, shift, moves)
    moves.promote(save_shifted(version, step(version, examples, 0.2), moves), "by hand")
    report = admit_shifted(stale, shift, examples, EASY, moves)
    assert (report.verdict.passed, "another version was promoted meanwhile" in report.verdict.reason) == (
        False,
        True,
    )


def test_a_shift_that_the_gate_could_not_judge_is_not_made(
    version, examples: Examples, tmp_path: Path
) -> None:
    late = step(version, examples)._replace(until=int(examples.ts.max()))
    assert "visitors began sessions since then" in lacking(examples, late, EASY)
    assert lacking(examples, step(version, examples), EASY) == ""
