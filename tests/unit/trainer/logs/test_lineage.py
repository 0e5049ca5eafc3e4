"""Where a version came from is written down, and training it again gives the same figures."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from models.registry import registry
from tests.scoring import SHIPPED
from trainer.examples.split import ended, split
from trainer.logs.lineage import LIBRARIES, last_session
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.logs.reading import LogError
from trainer.loop.options import Options
from trainer.training.log_parts import SHARES, Run
from trainer.training.train import train

QUICK = Options(seed=7, epochs=1, seconds=1e9, hidden=16, embedding=16)
OFFSETS = {"clicks": {"0": [3, 2003]}}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "day=2021-01-01" / "part.parquet"
    path.parent.mkdir()
    read_log([SHIPPED]).head(2_000).sink_parquet(path)
    return path


def made(log: Path, folder: Path, created_at: int, **given) -> registry.Version:
    return train(Run([log], folder, options=QUICK, **given), created_at, lambda progress: None)


def test_the_log_the_code_and_the_seed_are_told(log: Path, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,category\ni1,c\n")
    version = made(log, tmp_path / "registry", 1_700_000_000_000, items=items, offsets=OFFSETS)
    found = version.metrics["lineage"]
    first, second = found["inputs"]
    assert first == {
        "file": "day=2021-01-01/part.parquet",
        "bytes": log.stat().st_size,
        "sha256": hashlib.sha256(log.read_bytes()).hexdigest(),
    }
    assert second["file"] == "items.csv"
    assert (found["seed"], found["offsets"]) == (7, OFFSETS)
    assert len(found["code"]["sources"]) == 64
    assert set(LIBRARIES) < set(found["code"])
    assert str(tmp_path) not in str(found)


def test_the_same_again_gives_the_same_figures(log: Path, tmp_path: Path) -> None:
    one = made(log, tmp_path / "one", 1_700_000_000_000)
    two = made(log, tmp_path / "two", 1_800_000_000_000)
    assert one.metrics == two.metrics


def test_what_is_left_for_the_gate_is_not_looked_at(log: Path, tmp_path: Path) -> None:
    version = made(log, tmp_path / "registry", 1_700_000_000_000, holdout=0.2)
    examples = ended(replay_log(read_log([log])).examples())
    *seen, left = split(examples, (0.8 * SHARES[0], 0.8 * SHARES[1], 0.2))
    clicks = version.metrics["lineage"]["clicks"]
    assert clicks["count"] == sum(map(len, seen))
    assert clicks["until"] == max(part.ts.max() for part in seen)
    began = left.ts[np.unique(left.session, return_index=True)[1]]
    assert last_session(version.metrics) <= began.min()
    assert last_session({}) == 0


def test_an_input_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(LogError):
        made(tmp_path / "none.parquet", tmp_path / "registry", 1)
