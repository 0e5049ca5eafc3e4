"""One rule for where data lies by default."""

from pathlib import Path

import pytest

from deploy.broker.broker import default_directory
from models.data_folders import data_folder
from streams.config.worker_settings import WorkerSettings
from trainer.settings import TrainerSettings


def test_the_variable_moves_all_and_without_it_all_lie_together() -> None:
    assert data_folder("worker", {"XDG_DATA_HOME": "/data"}) == "/data/pathcast/worker"
    assert data_folder("worker", {}) == "~/.local/share/pathcast/worker"
    assert data_folder("worker", {"XDG_DATA_HOME": ""}) == "~/.local/share/pathcast/worker"
    assert data_folder("worker", {"XDG_DATA_HOME": "here"}) == "~/.local/share/pathcast/worker"


def test_broker_worker_log_and_trainer_follow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PATHCAST_BROKER_DIR",
        "PATHCAST_DATADIR",
        "PATHCAST_TRAINER_LOG",
        "PATHCAST_TRAINER_WORKDIR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    trainer = TrainerSettings()
    found = [default_directory(), WorkerSettings().datadir, Path(trainer.log), trainer.workdir]
    assert found == [Path("/data/pathcast") / name for name in ("broker", "worker", "eventlog", "trainer")]
