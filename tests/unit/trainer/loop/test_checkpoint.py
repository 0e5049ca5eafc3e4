"""A killed run goes on to the same bits, and a checkpoint that does not fit is explained."""

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training import SMALL, same, small
from trainer.fitting.fit import Journal, Progress, fit
from trainer.loop.checkpoint import NAME, CheckpointError
from trainer.loop.options import Options


def killed(folder: Path) -> None:
    """Trains until the third batch of the second epoch, and is killed there."""
    made = small()

    def report(at: Progress) -> None:
        if (at.epoch, at.batch) == (1, 3):
            os.kill(os.getpid(), signal.SIGKILL)

    fit(made.network(), made.train, made.valid, SMALL, report, Journal(folder, every=0))


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every batch is not to wait for a busy disk: no test here takes the power away."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def run(folder: Path | None = None, options: Options = SMALL, stop: tuple[int, int] | None = None):
    made, told = small(), []

    def report(at: Progress) -> None:
        told.append(at)
        if (at.epoch, at.batch) == stop:
            raise KeyboardInterrupt

    journal = Journal(folder, every=0)
    network = fit(made.network(options), made.train, made.valid, options, report, journal)
    return network, told, journal.curve


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=killed, args=(tmp_path,))
    small()
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert json.loads((tmp_path / NAME).read_bytes())["place"]["epoch"] == 1
    undisturbed, all_told, curve = run()
    continued, told, same_curve = run(tmp_path)
    assert len(told) < len(all_told)
    assert [(at.epoch, at.batch, at.loss) for at in told] == [
        (at.epoch, at.batch, at.loss) for at in all_told[-len(told) :]
    ]
    assert same(undisturbed, continued)
    assert curve == same_curve
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_run_without_validation_goes_on_too(tmp_path: Path) -> None:
    made = small()

    def once(folder: Path | None, stop: int | None):
        def report(at: Progress) -> None:
            if at.batch == stop:
                raise KeyboardInterrupt

        return fit(made.network(), made.train, None, SMALL, report, Journal(folder, every=0))

    with pytest.raises(KeyboardInterrupt):
        once(tmp_path, 2)
    assert same(once(None, None), once(tmp_path, None))


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=(0, 2))
    return tmp_path


def test_a_checkpoint_of_another_run_is_refused(interrupted: Path) -> None:
    with pytest.raises(CheckpointError, match=r"its dropout is 0\.25, here it is 0\.5.*another folder"):
        run(interrupted, replace(SMALL, dropout=0.5))


def test_a_damaged_checkpoint_is_refused(interrupted: Path) -> None:
    tensors = next(interrupted.glob("*.safetensors"))
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=r"damaged .*SHA-256.*delete that folder"):
        run(interrupted)
    tensors.unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        run(interrupted)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"run": 1}', b"\xff"])
def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        run(tmp_path)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="writable folder"):
        run(tmp_path / "file", stop=(0, 2))
