"""Damaged inputs: about so many values, whole features at a time, and nothing else."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.contract.aliases import EventNames
from models.features import features
from models.state.codes import PAGE
from tests.scoring import SHIPPED
from tests.tiny import version
from trainer.evaluation.evaluation_report import evaluate
from trainer.examples.examples import Examples, ExamplesError
from trainer.experiments import robustness
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(2000)).examples()


def changed(one: Examples, other: Examples, name: str) -> np.ndarray:
    columns = features.COLUMNS[name]
    return (one.features[:, columns] != other.features[:, columns]).any(1)


def test_columns_of_features_are_all_columns_once() -> None:
    places = [place for columns in features.COLUMNS.values() for place in columns.tolist()]
    assert sorted(places) == list(range(len(features.NAMES)))
    assert features.COLUMNS.keys() == {feature.name for feature in features.FEATURES}


def test_missing_values_are_what_serving_gives_for_a_click_without(examples: Examples) -> None:
    found = robustness.corrupted(examples, "missing", 0.2, 0)
    price, missing = (features.NAMES.index(name) for name in ("price", "price_missing"))
    hit = changed(examples, found, "price")
    assert 0.15 < hit.mean() < 0.25
    assert (found.features[hit, price] == 0).all()
    assert (found.features[hit, missing] == 1).all()
    chosen = found.features[:, features.COLUMNS["previous_event"]]
    assert (chosen.sum(1) == 1).all()
    assert not changed(examples, found, "event").any()


def test_noise_gives_a_value_of_another_click_with_all_its_columns(examples: Examples) -> None:
    found = robustness.corrupted(examples, "noise", 0.2, 0)
    assert 0.05 < changed(examples, found, "session_seconds").mean() <= 0.22
    assert set(np.unique(found.features[:, features.NAMES.index("price")])) <= set(
        np.unique(examples.features[:, features.NAMES.index("price")])
    )
    assert (found.features[:, features.COLUMNS["previous_event"]].sum(1) == 1).all()
    assert (found.codes["event"] == examples.codes["event"]).all()
    assert 0.1 < (found.codes["item"] != examples.codes["item"]).mean() < 0.25


def test_a_lost_item_is_neither_item_nor_page(examples: Examples) -> None:
    found = robustness.corrupted(examples, "missing", 0.5, 0)
    lost = found.codes["item"] == 0
    assert lost.any()
    assert not (found.codes["flags"][lost] & PAGE).any()


def test_nothing_and_the_same_seed(examples: Examples) -> None:
    untouched = robustness.corrupted(examples, "noise", 0.0, 0)
    assert untouched.features.tobytes() == examples.features.tobytes()
    assert untouched.codes.tobytes() == examples.codes.tobytes()
    one, other = (robustness.corrupted(examples, "noise", 0.1, 3) for _ in range(2))
    assert one.features.tobytes() == other.features.tobytes()


def test_costs_come_by_kind_and_share(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = version(tmp_path_factory.mktemp("registry"), items=list(examples.items.values())[:50])
    rows = list(robustness.robustness_figures(made.neural, examples, 1500))
    assert [(row["kind"], row["share"]) for row in rows] == [
        ("none", 0.0),
        *((kind, share) for kind in ("missing", "noise") for share in (0.05, 0.1, 0.2)),
    ]
    assert len({row["auc"] for row in rows}) == len(rows)
    with pytest.raises(ExamplesError, match="no row of --events can be used"):
        next(robustness.robustness_figures(made.neural, examples, len(examples)))


def test_undamaged_clicks_are_those_that_an_evaluation_judges(
    examples: Examples, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = version(tmp_path_factory.mktemp("registry"), items=list(examples.items.values())[:50])
    assert len(set(examples.session[:1500]) & set(examples.session[1500:])) > 0
    found, judged = (
        next(robustness.robustness_figures(made.neural, examples, 1500)),
        evaluate(made, None, examples, 1500),
    )
    for name in ("auc", "average_precision"):
        assert found[name] == judged["intent"][name]
    assert found["recall@20"] == judged["next_item"]["recall@20"]


def test_events_are_read_by_the_map_that_the_version_was_trained_with(tmp_path: Path) -> None:
    log = read_log([SHIPPED]).head(1200).with_columns(pl.col("event").str.replace("view_item", "lesson"))
    log.collect().write_parquet(tmp_path / "log.parquet")
    names = EventNames({"lesson": "view_item"})
    options = Options(epochs=1, seconds=1e9, embedding=8, hidden=8, candidates=32)
    run = Run([tmp_path / "log.parquet"], tmp_path / "registry", options=options, names=names)
    made = train(run, 1_700_000_000_000, lambda at: None)
    named = ["benchmark", "damage", "--model", str(made.path), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(main, [*named, "--events", str(tmp_path / "log.parquet")])
    assert done.exit_code == 0, done.output
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 7
