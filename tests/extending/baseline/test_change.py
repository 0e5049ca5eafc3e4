"""A baseline in the table is trained, stored, evaluated and judged, and can block a promotion."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.registry import registry
from tests import tiny
from tests.scoring import SHIPPED
from trainer.baselines import Baselines
from trainer.baselines.intent import INTENT
from trainer.evaluation import evaluation_report
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.gate.gate import judge
from trainer.gate.gate_figures import Difference
from trainer.gate.gate_report import keep
from trainer.gate.gate_settings import GateSettings
from trainer.gate.verdict import decide
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

NAME = "stage_rate"
ROWS = 3_000


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    read_log([SHIPPED]).head(ROWS).collect().write_parquet(path)
    return path


@pytest.fixture(scope="module")
def examples(log: Path) -> Examples:
    return replay_log(read_log([log])).examples()


@pytest.fixture(scope="module")
def version(examples: Examples, tmp_path_factory) -> registry.Version:
    """An untrained network with the trained baselines of the table that learn in no time."""
    quick = {name: kind for name, kind in INTENT.items() if not kind.needs_both}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.baselines.intent.INTENT", quick)
        state = Baselines.learn(*split(examples, (0.8, 0.2))).state
    parts = tiny.parts(1, tuple(examples.items.values()))
    folder = tmp_path_factory.mktemp("registry")
    return registry.load(folder / registry.save(folder, replace(parts, baselines=state), 1_700_000_000_000))


def test_it_predicts_more_purchases_from_the_checkout_than_from_a_first_look(version, examples):
    found = Baselines(version.baselines).predict(examples.grouped())[NAME]
    assert found.max() > 2 * found.min() > 0


def test_it_is_in_the_evaluation(version, log, tmp_path):
    words = ["evaluate", "--model", str(version.path), "--registry", str(version.path.parent)]
    done = CliRunner().invoke(main, [*words, "--events", str(log), "--json", str(tmp_path / "report.json")])
    assert done.exit_code == 0, done.output
    assert NAME in done.output
    report = json.loads((tmp_path / "report.json").read_bytes())["baselines"][NAME]
    assert report["intent"]["auc"] > 0.5
    low, high = report["ahead_by"]["average_precision_interval"]
    assert low < high


def test_it_is_in_the_gates_report(version, examples):
    settings = GateSettings(least_visitors=20, least_buyers=2, calibration=1, coverage=0, microseconds=1e9)
    report = judge(version.path, None, examples, settings)
    assert {"average_precision", "auc"} <= set(report.figures["figures"][NAME])
    assert set(report.figures["ahead of"][NAME]) == {"average_precision"}
    keep(version.path, report.figures, report.pictures)
    assert f"| {NAME} |" in (version.path / "gate" / "report.md").read_text()


def test_a_version_behind_it_is_not_promoted():
    behind = {NAME: {"average_precision": Difference(-0.1, -0.15, -0.05)}}
    verdict = decide([], behind, None, True, GateSettings())
    assert not verdict.passed
    assert verdict.reason.startswith(f"it is behind {NAME} in average precision")


def test_the_documentation_has_it():
    page = Path(evaluation_report.__file__).parents[2] / "docs" / "models" / "evaluation.md"
    assert f"`{NAME}`" in page.read_text()
