"""A run that can be killed: everything the next batch depends on, on disk, and back again to the same bits.

FOLDER/
├── checkpoint.json            where the run is, of which run it is, and the name and SHA-256 of its tensors
└── <digest>.safetensors       weights, best weights, optimiser, generators

The tensors are written first; replacing checkpoint.json is the one moment at which a checkpoint changes.
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
#: Folders of the networks that teach the kept one begin so.
MEMBER = "member-"
#: Folder of the run from the whole log.
AGAIN = "again"
_UNUSABLE = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, SafetensorError)


class CheckpointError(PathcastError):
    """A checkpoint is damaged, of another run, or cannot be written."""


class Checkpoint:
    """The checkpoint of one run in `folder`; `run` describes the run (JSON), and must be the same to go on.

    A run has one stage after the other; the checkpoint is always that of the stage it is in.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], every: float = EVERY) -> None:
        self.folder, self._every = folder, every
        self._run = json.loads(json.dumps(run))
        self._saved = time.monotonic()

    def pause(self, loop: Loop) -> None:
        """Save the loop where an epoch ends, and now and then within one. Raises CheckpointError."""
        if loop.at.batch == 0 or time.monotonic() - self._saved >= self._every:
            if distributed.number() == 0:
                self._save(loop)
            self._saved = time.monotonic()

    def stage(self) -> str | None:
        """The stage in which the run was interrupted; None where there is no checkpoint.

        Raises CheckpointError for a damaged checkpoint and for one of another run.
        """
        found = self._read()
        return None if found is None else str(found["stage"])

    def resume(self, loop: Loop) -> None:
        """Put the loop where its run was interrupted. Raises CheckpointError."""
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
        apart = list(_apart(known, self._run))
        if apart:
            raise CheckpointError(
                f"{self.folder} holds the checkpoint of another run ({'; '.join(apart)}): "
                "repeat that run's command to go on with it, or give --checkpoint another folder"
            )
        return dict(found)

    def _tensors(self, found: Mapping[str, Any]) -> bytes:
        try:
            content = (self.folder / Path(found["tensors"]).name).read_bytes()
        except OSError as error:
            raise self._damaged(str(error)) from error
        if hashlib.sha256(content).hexdigest() != found["sha256"]:
            raise self._damaged(f"{found['tensors']} has another SHA-256 than {NAME} says")
        return content

    def _damaged(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint in {self.folder} is damaged ({what}): delete that folder to train from the start"
        )


def clear(folder: Path) -> None:
    """Remove the checkpoint in a folder, and those in its folders: its run is over."""
    for path in (folder / NAME, *folder.glob("*.safetensors")):
        path.unlink(missing_ok=True)
    for other in (*folder.glob(f"{MEMBER}*"), *folder.glob(AGAIN)):
        clear(other)
        if not any(other.iterdir()):
            other.rmdir()


def _apart(one: Any, other: Any, name: str = "") -> list[str]:
    """What differs between two descriptions of runs, in words."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [text for key in keys for text in _apart(one.get(key), other.get(key), key)]
    return [] if one == other else [f"its {name} is {one!r}, this run's {other!r}"]
