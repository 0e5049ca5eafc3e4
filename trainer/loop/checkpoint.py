"""Checkpoints: everything that the next batch depends on, so that a killed run continues bit for bit.

FOLDER/
├── checkpoint.json            position and description of the run, name and SHA-256 of its tensors
└── <digest>.safetensors       weights, best weights, optimiser, generators

The tensors are written first; a checkpoint changes at the moment when checkpoint.json is replaced.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from models.durable_files import replace_file
from models.errors import PathcastError
from trainer.loop import distributed, loop_state
from trainer.loop.loop import Loop

#: Seconds between checkpoints within an epoch.
EVERY = 30.0
NAME = "checkpoint.json"
#: Prefix of the folders of the teachers in a distillation.
MEMBER = "member-"
#: Prefix of the folders of networks of earlier origins.
ORIGIN = "origin-"
#: Folder of the refit on the whole log.
AGAIN = "again"
_UNUSABLE = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, SafetensorError)


class CheckpointError(PathcastError):
    """A checkpoint is damaged, belongs to another run, or cannot be written."""


class Checkpoint:
    """The checkpoint of one run in `folder`.

    `run` describes the run (JSON); only a run with the same description continues it. A checkpoint is of the
    stage that the run is in. `every` is in seconds.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], every: float = EVERY) -> None:
        self.folder, self._every = folder, every
        self._run = json.loads(json.dumps(run))
        self._saved = time.monotonic()

    def pause(self, loop: Loop) -> None:
        """Save at the end of an epoch, and every `every` seconds within one. Raises CheckpointError."""
        if loop.at.batch == 0 or time.monotonic() - self._saved >= self._every:
            if distributed.number() == 0:
                self._save(loop)
            self._saved = time.monotonic()

    def stage(self) -> str | None:
        """The stage in which the run was interrupted; None without a checkpoint.

        Raises CheckpointError if the checkpoint is damaged or belongs to another run.
        """
        found = self._read()
        return None if found is None else str(found["stage"])

    def resume(self, loop: Loop) -> None:
        """Restore the loop to where its run was interrupted. Raises CheckpointError."""
        found = self._read()
        if found is None or found["stage"] != loop.stage:
            return
        try:
            loop_state.restore(loop, found, load_tensors(self._tensors(found)))
        except _UNUSABLE as error:
            raise self._damaged(repr(error)) from error

    def _save(self, loop: Loop) -> None:
        tensors = save_tensors(loop_state.tensors(loop))
        digest = hashlib.sha256(tensors).hexdigest()
        name = f"{digest[:16]}.safetensors"
        state = {
            "run": self._run,
            "stage": loop.stage,
            **loop_state.place(loop),
            "tensors": name,
            "sha256": digest,
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / name, tensors)
            replace_file(self.folder / NAME, json.dumps(state, indent=1).encode())
            for old in set(self.folder.glob("*.safetensors")) - {self.folder / name}:
                old.unlink()
        except OSError as error:
            raise CheckpointError(
                f"cannot write a checkpoint to {self.folder}: {error}; give --checkpoint a writable folder"
            ) from error

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / NAME
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_bytes())
            known, _ = found["run"], found["stage"]
        except (OSError, *_UNUSABLE) as error:
            raise self._damaged(repr(error)) from error
        differences = list(_differences(known, self._run))
        if differences:
            raise CheckpointError(
                f"{self.folder} holds the checkpoint of another run ({'; '.join(differences)}): "
                "repeat the command of that run to continue it, or give --checkpoint another folder"
            )
        return dict(found)

    def _tensors(self, found: Mapping[str, Any]) -> bytes:
        try:
            content = (self.folder / Path(found["tensors"]).name).read_bytes()
        except OSError as error:
            raise self._damaged(str(error)) from error
        if hashlib.sha256(content).hexdigest() != found["sha256"]:
            raise self._damaged(f"{found['tensors']} does not have the SHA-256 in {NAME}")
        return content

    def _damaged(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint in {self.folder} is damaged ({what}): delete that folder to train from the start"
        )


def clear(folder: Path) -> None:
    """Remove the checkpoints of a finished run, those of its teachers, earlier origins and refit included."""
    for path in (folder / NAME, *folder.glob("*.safetensors")):
        path.unlink(missing_ok=True)
    for other in (*folder.glob(f"{MEMBER}*"), *folder.glob(f"{ORIGIN}*"), *folder.glob(AGAIN)):
        clear(other)
        if not any(other.iterdir()):
            other.rmdir()


def _differences(one: Any, other: Any, name: str = "") -> list[str]:
    """The differences between two descriptions of runs, one sentence each."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [text for key in keys for text in _differences(one.get(key), other.get(key), key)]
    return [] if one == other else [f"its {name} is {one!r}, here it is {other!r}"]
