"""A look at the outcomes: figures are kept and exported, and the reason for no shift is said."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.calibration.calibration_following import follow_calibration, write_metrics
from deploy.cli import main
from models.durations import DAY_MS
from tests.eventlogs import START
from tests.matured import Said, told
from trainer.calibration.calibration_figures import read_figures
from trainer.eventlog.log import EventLog
from trainer.promotion.promotions import Promotions
from trainer.promotion.status import LedgerEntry, What
from trainer.run_processes import BUSY
from trainer.service.workdir import TrainerError, Workdir
from trainer.settings import TrainerSettings

Enter = Callable[[What, str], None]


@pytest.fixture
def between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EventLog:
    """An event log with a session that bought and one that did not, and an empty registry."""
    for name, folder in {"LOG": "log", "WORKDIR": "work", "METRICS": "trainer.prom"}.items():
        monkeypatch.setenv(f"PATHCAST_TRAINER_{name}", str(tmp_path / folder))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    (tmp_path / "registry").mkdir()
    said = [
        Said("a:1", 1, START, 0.2, visitor="a"),
        Said("a:1", 2, START + 1000, 0.4, "purchase", visitor="a"),
        Said("b:1", 1, START, 0.2, visitor="b"),
        Said("z:1", 1, START + DAY_MS, visitor="z"),
    ]
    return told(EventLog.at(str(tmp_path / "log")), said)


@pytest.fixture
def enter(between: EventLog, tmp_path: Path) -> Enter:
    """What is entered in the ledger."""
    ledger = Promotions(tmp_path / "registry", lambda _: None, lambda: 1, "test").ledger

    def entered(what: What, version: str) -> None:
        ledger.enter(lambda _: [LedgerEntry(at=1, what=what, version=version, by="test")])

    return entered


def test_figures_are_kept_and_exported_whatever_serves(between: EventLog, tmp_path: Path) -> None:
    settings = TrainerSettings()
    write_metrics(settings, between)
    assert "pathcast_calibration" not in (tmp_path / "trainer.prom").read_text()
    assert follow_calibration(settings) == "no shift: no version serves"
    figures = read_figures(tmp_path / "work")
    assert figures is not None
    assert (figures.sessions, figures.answers, figures.reached) == (2, 2, START + DAY_MS)
    assert (figures.foreseen, figures.seen) == (pytest.approx(0.2), 0.5)
    write_metrics(settings, between)
    said = (tmp_path / "trainer.prom").read_text()
    assert 'pathcast_calibration_purchases{which="seen"} 0.5' in said
    assert 'pathcast_event_log_rows{table="clicks"} 4.0' in said


def test_the_reason_for_no_shift_is_said(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(What.PROMOTED, "served")
    expected = "no shift of served: only 2 sessions are over, expected 500"
    assert follow_calibration(TrainerSettings()) == expected
    done = CliRunner().invoke(main, ["trainer", "calibrate"])
    assert (done.exit_code, expected in done.output) == (0, True)
    enter(What.PINNED, "served")
    assert follow_calibration(TrainerSettings()) == "no shift: served is pinned"
    monkeypatch.setenv("PATHCAST_CALIBRATION_FOLLOW", "false")
    assert follow_calibration(TrainerSettings()) == "no shift: PATHCAST_CALIBRATION_FOLLOW is false"


def test_a_look_waits_for_a_run(between: EventLog) -> None:
    with Workdir(TrainerSettings().workdir).alone():
        assert CliRunner().invoke(main, ["trainer", "calibrate"]).exit_code == BUSY


def test_a_folder_that_cannot_be_written_is_explained(
    between: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATHCAST_TRAINER_WORKDIR", str(tmp_path / "file"))
    with pytest.raises(TrainerError, match="PATHCAST_TRAINER_WORKDIR must be a folder"):
        follow_calibration(TrainerSettings())
