"""Two processes of torchrun learn what one learns from batches of twice the size."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.registry.registry import load
from tests.scoring import SHIPPED
from tests.training import SMALL, small
from trainer.fitting.fit import fit
from trainer.logs.log_files import read_log
from trainer.loop import distributed
from trainer.loop.options import Options

#: Nothing random in a pass: two processes draw other dropout and other candidates than one.
OPTIONS = replace(SMALL, epochs=2, dropout=0.0, candidates=0, clicks_per_batch=128, table_rate=0.1)
TRAIN = """
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.training import small
from tests.unit.trainer.loop.test_distributed import OPTIONS
from trainer.loop.distributed import processes
from trainer.fitting.fit import Journal, fit

torch.set_num_threads(1)
with processes() as number:
    made, folder = small(), Path(sys.argv[1])
    journal = Journal(folder / "checkpoint")
    network = fit(made.network(OPTIONS), made.train, made.valid, OPTIONS, lambda at: None, journal)
    save_file(network.state_dict(), folder / f"{number}.safetensors")
"""


def alone(options: Options) -> dict[str, torch.Tensor]:
    made = small()
    return fit(made.network(options), made.train, made.valid, options, lambda at: None).state_dict()


@pytest.mark.long
def test_two_processes_learn_what_one_learns_from_doubled_batches(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(TRAIN)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run([*start, str(script), str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    first, second = (load_file(tmp_path / f"{number}.safetensors") for number in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    doubled = alone(replace(OPTIONS, clicks_per_batch=256))
    single = alone(OPTIONS)
    for name, value in doubled.items():
        torch.testing.assert_close(first[name], value, atol=2e-3, rtol=1e-3)
    assert distance(first, doubled) < 0.01 * distance(single, doubled)
    assert (tmp_path / "checkpoint" / "checkpoint.json").exists()


@pytest.mark.long
def test_two_processes_make_one_version(tmp_path: Path) -> None:
    log, registry = tmp_path / "log.parquet", tmp_path / "registry"
    read_log([SHIPPED]).head(6000).sink_parquet(log)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["--no-python", Path(sys.executable).parent / "pathcast", "train", "--events", log]
    small = ["--registry", registry, "--epochs", "1", "--set", "hidden=16", "--set", "embedding=16"]
    ended = subprocess.run([*start, *command, *small], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-3000:]
    (version,) = registry.iterdir()
    said = load(version).metrics
    assert said["learned again"]["clicks"] == said["clicks"]["train"] + said["clicks"]["valid"]


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return sum(float((one[name].float() - other[name].float()).square().sum()) for name in one) ** 0.5


def test_a_process_alone_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with distributed.processes() as number:
        assert (number, distributed.count(), distributed.number()) == (0, 1, 0)
    assert distributed.first_says(3.5) == 3.5
    assert distributed.share(7) == 1
