"""What the programs that do the full job one click at a time share: where they work, and what they know."""

import os
import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch

from deploy.cluster.records import RecordSource
from deploy.cluster.records import catalogue as items_of
from models.contract.catalogue import Catalogue
from models.registry import registry
from tests.bench.jobs.one_click import OneClick

VARIABLE = "BENCH_FULL_JOB"


class FullJob(NamedTuple):
    """Where a program works: broker, topics (`answers`: the three), group, folder for its state, version's
    folder, log whose items are the catalogue, and a file of full-size visitors' records (`load_states`).
    """

    bootstrap: str
    clicks: str
    answers: tuple[str, str, str]
    group: str
    folder: str
    version: str
    log: str
    states: str


def here() -> FullJob:
    """This process's, from its environment."""
    return msgspec.json.decode(os.environ[VARIABLE], type=FullJob)


def environment(job: FullJob) -> dict[str, str]:
    """What `here` reads."""
    return {VARIABLE: msgspec.json.encode(job).decode()}


def one_click(job: FullJob) -> OneClick:
    """The job's function, with the model and the catalogue loaded; torch uses one thread, as in a worker."""
    torch.set_num_threads(1)
    version, catalogue = registry.load(Path(job.version), "cpu"), Catalogue()
    batch = items_of(RecordSource(Path(job.log)), None)
    catalogue.apply(zip(batch.keys, batch.values, strict=True))
    return OneClick(version, catalogue, (resources.files("deploy") / "data" / "actions.toml").read_text())


def save_states(path: Path, states: list[bytes]) -> None:
    """Write the records that visitors begin with."""
    path.write_bytes(msgspec.msgpack.encode(states))


class Beginnings:
    """The records with which the bench's visitors begin, as `tests.bench.states.Crowd` deals them out."""

    def __init__(self, path: str) -> None:
        self._states = msgspec.msgpack.decode(Path(path).read_bytes(), type=list[bytes])

    def of(self, key: bytes) -> bytes | None:
        """The record of a visitor who is not in the store yet; None where visitors begin with nothing."""
        number = re.search(rb"\d+$", key)
        return self._states[int(number[0]) % len(self._states)] if number and self._states else None
