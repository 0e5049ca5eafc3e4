"""How commands set a run of the trainer up."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.between_runs import look_for_drift
from deploy.commands.trainer import command
from deploy.training import maker
from trainer.service.orders import TrainerError
from trainer.settings import BASE_MB, BYTES_PER_CLICK, TrainerSettings


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATHCAST_TRAINER_WORKDIR", str(tmp_path / "work"))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))


def test_a_run_reads_as_many_clicks_as_fit_into_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_MEMORY_MB", "2000")
    most = maker(TrainerSettings()).recipe.most
    assert (
        most * BYTES_PER_CLICK + BASE_MB * 2**20
        <= 2000 * 2**20
        < (most + 1) * BYTES_PER_CLICK + BASE_MB * 2**20
    )


def test_training_settings_come_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text("epochs = 3\n")
    monkeypatch.setenv("PATHCAST_TRAINER_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("PATHCAST_TRAINER_EPOCHS_MINUTES", "2")
    options = maker(TrainerSettings()).recipe.options
    assert (options.epochs, options.seconds) == (3, 120.0)


def test_baselines_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert maker(TrainerSettings()).recipe.baselines
    monkeypatch.setenv("PATHCAST_TRAINER_BASELINES", "false")
    assert not maker(TrainerSettings()).recipe.baselines


def test_a_registry_that_is_no_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_REGISTRY", "s3://bucket/models")
    with pytest.raises(TrainerError, match="writes versions to a folder"):
        maker(TrainerSettings())


def test_without_an_order_nothing_is_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["run"])
    assert (done.exit_code, "no run was ordered" in done.output) == (0, True)
    assert not (tmp_path / "registry").exists()


def test_a_second_run_finds_the_first_one_at_work() -> None:
    made = maker(TrainerSettings())
    with made.at.alone():
        assert CliRunner().invoke(command, ["run"]).exit_code == 75


def test_where_no_version_serves_there_is_no_drift() -> None:
    assert look_for_drift(TrainerSettings()) == []
