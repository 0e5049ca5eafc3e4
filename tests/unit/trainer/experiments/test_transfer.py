"""Transfer: each way is judged on the same later clicks, and the version it starts from counts."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from tests import tiny
from tests.scoring import SHIPPED
from tests.training import small
from trainer.experiments.transfer import Transferred, transfer
from trainer.fitting.warm_start import WarmStartError
from trainer.loop.options import Options

QUICK = Options(
    clicks_per_batch=32,
    epochs=1,
    seconds=1e9,
    embedding=16,
    hidden=16,
    candidates=32,
    cosine=0.0,
    heads_weight=0.0,
    blend="none",
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


def ways(folder: Path, sizes: list[int]) -> list[Transferred]:
    made = tiny.version(folder, items=small().words.ids[:50])
    return list(transfer(made, small().examples, sizes, QUICK, lambda at: None))


def test_a_version_of_another_form_is_refused(registry: Path) -> None:
    with pytest.raises(WarmStartError, match=r"intent=8 \(asked for: 64\)"):
        ways(registry, [40])


def test_every_way_is_judged_on_the_newest_clicks(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tiny version's intent head is narrower than any option can ask for.
    monkeypatch.setattr("trainer.fitting.warm_start._FORM", ("embedding", "hidden", "cosine", "encoder"))
    found = ways(registry, [40, 200])
    assert [(one.sessions, one.way) for one in found] == [
        (0, "zero-shot"),
        *(
            (size, way)
            for size in (40, 200)
            for way in ("from scratch", "from the version", "from the version, encoder frozen")
        ),
    ]
    judged = {(one.sessions, one.way): one.judged for one in found}
    assert len({tuple(figures) for figures in judged.values()}) == len(found)


def test_the_command_writes_a_table_and_figures(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    pl.read_csv(SHIPPED, infer_schema=False).head(1500).write_parquet(log)
    start = [
        "--events",
        str(log),
        "--registry",
        str(tmp_path),
        "--set",
        "heads_weight=0",
        "--set",
        "hidden=16",
    ]
    trained = CliRunner().invoke(
        main, ["train", *start, "--epochs", "1", "--no-baselines", "--set", "embedding=16", "--no-announce"]
    )
    assert trained.exit_code == 0, trained.output
    [version] = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    out = tmp_path / "out.json"
    options = ["--set", "embedding=16", "--set", "epochs=1", "--sessions", "60", "--json", str(out)]
    ended = CliRunner().invoke(main, ["benchmark", "transfer", "--model", version, *start, *options])
    assert ended.exit_code == 0, ended.output
    assert "zero-shot" in ended.output
    assert [row["sessions"] for row in json.loads(out.read_text())] == [0, 60, 60, 60]
    wrong = CliRunner().invoke(main, ["benchmark", "transfer", "--model", version, *start, "--sessions", "1"])
    assert "give 2 or more" in wrong.output
