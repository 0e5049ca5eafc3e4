"""Intervals, baselines and the report, on the shipped log."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score, roc_auc_score

from deploy.cli import main
from models import quality_metrics
from models.registry import registry
from models.registry.versions import RegistryError
from tests.scoring import SHIPPED
from trainer.baselines.next_item import COUNTING
from trainer.evaluation.bootstrap import Weighted, interval, resampled
from trainer.evaluation.evaluation_report import CLICKS, evaluate
from trainer.examples.examples import ExamplesError
from trainer.examples.split import ended
from trainer.logs import warmup
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import LogReplay, replay_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> tuple[Path, Path]:
    """The shipped log's first 14,000 events as two files, the earlier and the later."""
    folder = tmp_path_factory.mktemp("logs")
    frame = read_log([SHIPPED]).sort("ts", maintain_order=True).head(14_000).collect()
    pair = folder / "before.parquet", folder / "after.parquet"
    frame[:10_000].write_parquet(pair[0])
    frame[10_000:].write_parquet(pair[1])
    return pair


@pytest.fixture(scope="module")
def version(logs, tmp_path_factory) -> registry.Version:
    run = Run([logs[0]], tmp_path_factory.mktemp("registry"), baselines=True)
    run = replace(run, options=Options(epochs=1, seconds=1e9))
    return train(run, 1_700_000_000_000, lambda progress: None)


def test_weighted_areas_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 20, 500).astype(np.float32)
    labels, weights = random.random(500) < 0.3, random.integers(0, 4, 500).astype(np.float64)
    found = Weighted(scores, labels)(weights)
    assert found.auc == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    assert found.average_precision == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    assert Weighted(scores, labels & False)(weights) == (0.5, 0.0)


def test_intervals_widen_when_a_visitors_clicks_go_together() -> None:
    random = np.random.default_rng(0)
    owner = np.repeat(np.arange(100), 20)
    labels = (random.random(100) < 0.3)[owner]
    scores = (labels + random.normal(0, 1, 100)[owner]).astype(np.float32)
    together = interval(resampled(owner).areas(scores, labels)[:, 0])
    apart = interval(resampled(np.arange(2000)).areas(scores, labels)[:, 0])
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])
    assert together[0] < quality_metrics.auc(scores, labels) < together[1]
    assert np.array_equal(resampled(owner).areas(scores, labels), resampled(owner).areas(scores, labels))


def test_warm_up_is_scored_but_not_judged(version, logs) -> None:
    replayed = LogReplay().through(read_log([logs[0]]))
    first = len(replayed)
    examples = replayed.through(read_log([logs[1]])).examples()
    report = evaluate(version, None, examples, first)
    known = examples.judged & examples.over
    assert 0 < known.sum() < examples.judged.sum()
    assert report["intent"]["n"] == int(known[first:].sum())
    assert report["intent"]["positives"] == int(examples.buys[first:][known[first:]].sum())
    alone = evaluate(version, None, examples, 0)["intent"]["n"]
    assert alone == int(known.sum())
    with pytest.raises(ExamplesError, match="no row of --events can be used, those of --warmup can"):
        evaluate(version, None, examples, len(examples))
    bought = int(np.flatnonzero(~examples.judged)[-1])
    with pytest.raises(ExamplesError, match="no click of --events can be judged"):
        evaluate(version, None, examples.part(np.arange(bought + 1)), bought)


def test_a_warm_up_that_goes_on_after_the_events_begin_is_refused(logs) -> None:
    begin, last = (read_log([path]).collect()["ts"] for path in logs)
    said = f"until {warmup.moment(last.max())}, but --events begin at {warmup.moment(begin.min())}"
    with pytest.raises(ExamplesError, match=f"{re.escape(said)}.*end --warmup where --events begin"):
        warmup.through(LogReplay(), [logs[1]], [logs[0]], {})
    with pytest.raises(ExamplesError, match="end --warmup where --events begin"):
        warmup.through(LogReplay(), [logs[0]], [logs[0]], {})


def test_a_warm_up_may_end_at_the_millisecond_at_which_the_events_begin(tmp_path) -> None:
    rows = {"visitor_id": ["v", "w"], "ts": [1_600_000_000_000] * 2, "event": ["view_item"] * 2}
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    replayed = LogReplay()
    assert warmup.through(replayed, [], [tmp_path / "log.parquet"], {}) == 0
    pl.DataFrame(rows).with_columns(pl.lit("x").alias("visitor_id")).write_parquet(tmp_path / "next.parquet")
    replayed = LogReplay()
    assert warmup.through(replayed, [tmp_path / "log.parquet"], [tmp_path / "next.parquet"], {}) == 2
    assert len(replayed) == 4


def test_the_command_writes_what_scripts_rely_on(version, logs, tmp_path) -> None:
    out = tmp_path / "out.json"
    named = ["evaluate", "--model", version.id, "--registry", str(version.path.parent), "--json", str(out)]
    done = CliRunner().invoke(main, [*named, "--warmup", str(logs[0]), "--events", str(logs[1])])
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert (found["seen_in_training"], "learned" in done.stderr) == (0, False)
    wanted = (
        "auc average_precision brier ece accuracy majority_accuracy precision recall f1 threshold n positives"
    )
    for report in (found, *(found["baselines"][name] for name in ("lightgbm", "logistic_regression"))):
        assert set(wanted.split()) < set(report["intent"])
        assert set(report["intent"]["by_click_index"]) == {str(at) for at in CLICKS}
        low, high = report["intent"]["auc_interval"]
        assert low <= report["intent"]["auc"] <= high
    assert {"recall@20", "mrr@20", "ndcg@20", "recall@5", "coverage"} < set(found["next_item"])
    assert {"majority_class", "rnn", "mlp", "naive_bayes", *COUNTING, "session_knn"} < set(found["baselines"])
    for name in (*COUNTING, "session_knn"):
        judged = found["baselines"][name]["next_item"]
        assert judged["n"] == found["next_item"]["n"]
        assert judged["popularity_targets"] == found["next_item"]["popularity_targets"]
        assert 0 < judged["mrr@20"] < judged["ndcg@20"] < judged["recall@20"] < 1
    bias = {name: found["baselines"][name]["next_item"]["popularity_recommended"] for name in COUNTING}
    assert max(bias, key=bias.__getitem__) == "popularity"
    assert set(found["heads"]["purchase_session"]) == {"metric", "value", "baseline"}
    apart = found["baselines"]["lightgbm"]["ahead_by"]
    assert apart["auc"] == pytest.approx(
        found["intent"]["auc"] - found["baselines"]["lightgbm"]["intent"]["auc"]
    )


def test_clicks_that_the_version_has_seen_are_told(version, logs, tmp_path) -> None:
    out = tmp_path / "out.json"
    named = ["evaluate", "--model", version.id, "--registry", str(version.path.parent), "--json", str(out)]
    done = CliRunner().invoke(main, [*named, "--events", str(logs[0])])
    seen = json.loads(out.read_text())["seen_in_training"]
    examples = replay_log(read_log([logs[0]])).examples()
    newest = int(ended(examples).ts.max())
    assert newest < examples.ts.max()
    assert seen == (examples.ts < newest).sum()
    assert f"note: {seen:,} of {len(examples):,} clicks are older than {warmup.moment(newest)}" in done.stderr


def test_an_unknown_model_is_explained(version, logs, tmp_path) -> None:
    named = ["evaluate", "--model", "v9", "--registry", str(version.path.parent), "--events", str(logs[1])]
    done = CliRunner().invoke(main, [*named, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 1
    assert f"'v9' is no version of {version.path.parent}, which holds {version.id}" in done.output


def test_changed_baselines_are_refused(version, tmp_path) -> None:
    copy = tmp_path / version.id
    copy.mkdir()
    for file in version.path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "baselines.json").write_text("{}")
    with pytest.raises(RegistryError, match=r"baselines\.json has 2 bytes, its manifest says"):
        registry.load(copy)


def test_no_feature_knows_what_comes_later() -> None:
    """Cut off the future of the log: every row before the cut stays as it was, bit for bit."""
    log = read_log([SHIPPED]).sort("ts", maintain_order=True).head(4_000)
    whole = replay_log(log).examples()
    for cut in (500, 1_999, 3_333):
        part = replay_log(log.head(cut)).examples()
        count = len(part)
        assert part.features.tobytes() == whole.features[:count].tobytes()
        assert part.codes.tobytes() == whole.codes[:count].tobytes()
