"""Test, then train: nothing is answered by what has seen it, and the ways differ in what they learn."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.durations import HOUR_MS
from models.sessions.lifecycle import SessionConfig
from tests.scoring import SHIPPED
from trainer.examples.examples import Examples, ExamplesError
from trainer.experiments import prequential
from trainer.experiments.prequential import WAYS, PrequentialPlan, Replay
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.adapt import IncrementalUpdate

QUICK = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, blend="none")
PLAN = PrequentialPlan(
    initial_days=1.5, retrain_days=0.5, adapt_hours=6, step=IncrementalUpdate(min_clicks=100)
)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(3_500)).examples()


def test_only_what_was_over_is_learned_from(examples, monkeypatch) -> None:
    """Every training and every step, and every answer, in the order in which they happened."""
    gap, built, stepped = SessionConfig().gap_ms, [], []
    first = int(examples.ts.min()) + int(1.5 * 24 * HOUR_MS)
    build, incremental_update = prequential.build, prequential.incremental_update
    now = {"end": first}

    def watched_build(learned, valid, options, report):
        built.append(max(learned.ts.max(), valid.ts.max()))
        assert options.heads_weight == 0
        assert built[-1] <= now["end"] - gap
        return build(learned, valid, options, report)

    def watched_step(parts, recent, log, options, step):
        stepped.append((recent.ts.min(), recent.ts.max()))
        assert log.ts.max() <= now["end"] - gap
        assert np.isin(recent.session, log.session).all()
        return incremental_update(parts, recent, log, options, step)

    monkeypatch.setattr(prequential, "build", watched_build)
    monkeypatch.setattr(prequential, "incremental_update", watched_step)
    replay = Replay(examples, PLAN, QUICK, lambda progress: None)
    for reached in replay.run():
        assert reached == now["end"]
        now["end"] += 6 * HOUR_MS
    assert len(built) > 2
    assert len(stepped) > 2
    asked = replay._began >= first
    for found in replay.answers.values():
        assert np.isnan(found.purchase[~asked]).all()
        assert np.isfinite(found.purchase[asked]).all()
    frozen, retrained = replay.answers["frozen"].purchase, replay.answers["retrained"].purchase
    first_block = asked & (replay._began < first + 6 * HOUR_MS)
    np.testing.assert_array_equal(frozen[first_block], retrained[first_block])
    assert not np.array_equal(frozen[asked], retrained[asked])
    every, *weeks = replay.weeks()
    assert every.number == 0
    assert every.clicks == asked.sum() == sum(week.clicks for week in weeks)
    assert set(every.figures) == set(WAYS)
    assert set(every.ahead) == set(WAYS) - {"frozen"}


def test_nothing_to_answer_is_explained(examples) -> None:
    replay = Replay(examples, PLAN, QUICK, lambda progress: None)
    with pytest.raises(ExamplesError, match="no session began after"):
        replay.weeks()


def test_the_command(tmp_path: Path) -> None:
    log, out = tmp_path / "log.parquet", tmp_path / "out.json"
    read_log([SHIPPED]).head(2_500).sink_parquet(log)
    small = [part for pair in ("epochs=1", "hidden=16", "embedding=16") for part in ("--set", pair)]
    words = ["benchmark", "prequential", "--events", str(log), "--initial-days", "1.2", "--adapt-hours", "12"]
    done = CliRunner().invoke(main, [*words, "--min-clicks", "100", *small, "--json", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert [week["number"] for week in found] == [0, 1]
    assert set(found[0]["figures"]["frozen"]) == {
        *("average_precision", "auc", "session_average_precision", "session_auc", "brier", "ece"),
        *("recall_20", "mrr_20"),
    }
    assert "answered before learned" in done.output
