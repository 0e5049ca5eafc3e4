"""How commands set a run of the trainer up."""

import re
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.commands.learning.trainer_command import command
from deploy.runs.drift_check import look_for_drift
from deploy.runs.training_run import maker
from deploy.terminal.processes import command as program
from trainer.service.workdir import RunOrder, TrainerError, Workdir
from trainer.settings import BASE_MB, BYTES_PER_CLICK, TrainerSettings


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATHCAST_TRAINER_WORKDIR", str(tmp_path / "work"))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))


def pathcast(*words: str) -> "subprocess.Popen[str]":
    """The command as a process, in the environment as it is now."""
    pipe = subprocess.PIPE
    return subprocess.Popen(program(*words), stdout=pipe, stderr=pipe, text=True)


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
    assert (done.exit_code, "no run is due" in done.output) == (0, True)
    assert not (tmp_path / "registry").exists()


def test_a_second_run_finds_the_first_one_at_work() -> None:
    made = maker(TrainerSettings())
    with made.at.alone():
        assert CliRunner().invoke(command, ["run"]).exit_code == 75


WRONG = [
    ("PATHCAST_TRAINER_CONFIG", "/nope.toml", "/nope.toml cannot be read"),
    ("PATHCAST_TRAINER_WORKDIR", "/proc/nope", "set PATHCAST_TRAINER_WORKDIR to a folder with room"),
    ("PATHCAST_TRAINER_WORKDIR", __file__, "set PATHCAST_TRAINER_WORKDIR to a folder with room"),
    ("PATHCAST_REGISTRY", "s3://bucket/models", "writes versions to a folder"),
    ("PATHCAST_GATE_MARGIN", "wide", "PATHCAST_GATE_MARGIN is 'wide'"),
    ("PATHCAST_DRIFT_FEATURES", "2", "PATHCAST_DRIFT_FEATURES is '2'"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_what_would_end_a_run_is_found_before_there_is_one(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CliRunner().invoke(main, ["trainer", "check"]).exit_code == 0
    monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["trainer", "check"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr


def test_the_trainer_ends_at_its_start_with_what_the_check_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("PATHCAST_TRAINER_CONFIG", "/nope.toml")
    process = pathcast("trainer")
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (1, 1)
    assert said.startswith("Error: /nope.toml cannot be read")


@pytest.mark.parametrize("moment", ["while it checks", "while it waits for Kafka"])
def test_a_trainer_that_is_ended_while_it_starts_says_nothing(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{silent.getsockname()[1]}")
        process = pathcast("trainer")
        if moment == "while it checks":
            while not psutil.Process(process.pid).children():
                time.sleep(0.01)
        else:
            silent.settimeout(180)
            # Kept: a connection that is closed is something to say.
            _connection = silent.accept()
        process.terminate()
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("content", ["epochs: 3", "epoch = 3", "epochs = 'many'", "ignored = 3"])
def test_settings_that_fit_no_more_end_the_run(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_CONFIG", str(tmp_path / "settings.toml"))
    (tmp_path / "settings.toml").write_text(content)
    at = Workdir(tmp_path / "work")
    at.begin(RunOrder(id="1", reason="because", at=1, clicks=7))
    assert CliRunner().invoke(command, ["run"]).exit_code == 0
    done = at.done()
    assert done is not None
    assert (done.version, done.promoted, at.order()) == (None, False, None)
    assert re.search("expected|choose from", done.why)


def test_where_no_version_serves_there_is_no_drift() -> None:
    assert look_for_drift(TrainerSettings()) == []
