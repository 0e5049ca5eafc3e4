"""Metrics of heads by example; every head and its baselines on made data, which has what the logs lack."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.contract.head_table import HEADS, Kind, Layout
from models.registry import registry
from trainer.evaluation import head_baselines, heads_report
from trainer.evaluation.evaluate import answers
from trainer.evaluation.heads_report import METRICS
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.loop.targets import HeadPlan
from trainer.training.build import build

START, MINUTE = 1_600_000_000_000, 60_000


def made_log(visitors: int = 240) -> Examples:
    """Visits with searches, carts, purchases, ratings, brands and prices, twice for every second visitor."""
    random, rows = np.random.default_rng(0), []
    for number in range(visitors):
        at, taste = number * 180, number % 3
        for visit in range(1 + number % 2):
            clicks = ["page_view", "search", "view_item"] if number % 4 == 0 else ["view_item"] * 4
            clicks += ["add_to_cart"] if number % 2 else []
            clicks += ["purchase"] if number % 6 == 1 else []
            clicks += ["rate_item"] if number % 5 == 0 else ["page_view"]
            for place, event in enumerate(clicks):
                item = f"i{taste}-{random.integers(0, 5)}" if event not in ("search", "page_view") else None
                fields = {"category": f"c{taste}", "brand": f"b{taste}", "price": 4.0 * 3**taste}
                given = {"rating": 1.0 + taste} if event == "rate_item" else {}
                row = {"visitor_id": f"v{number}", "ts": START + (at + 600 * visit + place) * MINUTE}
                rows.append(row | {"event": event, "item_id": item} | given | (fields if item else {}))
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("ts", maintain_order=True)
    return replay_log(
        frame.with_row_index("n").select(pl.format("e{}", "n").alias("event_id"), pl.exclude("n")).lazy()
    ).examples()


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> tuple[registry.Version, Examples]:
    """A version whose baselines went through JSON, as they do on disk."""
    learned, later = split(made_log(), (0.75, 0.25))
    options = Options(
        epochs=8, seconds=1e9, clicks_per_batch=128, churn_days=0.5, heads_weight=10, refit=False
    )
    parts = build(learned, later, options, lambda progress: None)
    state = head_baselines.learn(learned, HeadPlan.of(parts.network.config))
    parts = replace(parts, baselines={"heads": json.loads(json.dumps(state))})
    folder = tmp_path_factory.mktemp("registry")
    return registry.load(folder / registry.save(folder, parts, 1_700_000_000_000)), later.grouped()


@pytest.fixture(scope="module")
def report(judged) -> dict:
    version, grouped = judged
    told = answers(version.neural, grouped).tasks
    return heads_report.heads(version, grouped, np.ones(len(grouped), bool), told)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_a_head_stands_beside_its_baselines(head, report, judged) -> None:
    found = report[head.name]
    assert found["metric"] == head.metric
    assert np.isfinite(found["value"])
    assert found["n"] > 10
    assert found["baseline"] == max(found["baselines"].values())
    assert found["by"] in found["baselines"]
    assert all(map(np.isfinite, found["baselines"].values()))
    if "made_up" not in found:  # bots are no visitors
        ahead = found["ahead"]
        assert ahead["low"] <= ahead["by"] <= ahead["high"]
        assert ahead["by"] == pytest.approx(found["value"] - found["baseline"])


def test_only_scored_clicks_are_judged(judged, report) -> None:
    version, grouped = judged
    told, half = answers(version.neural, grouped).tasks, np.arange(len(grouped)) % 2 == 0
    assert heads_report.heads(version, grouped, half, told)["next_event"]["n"] < report["next_event"]["n"]
    assert heads_report.heads(version, grouped, half & False, None) == {}


def test_what_is_judged_is_what_is_published(judged) -> None:
    version, grouped = judged
    found = answers(version.neural, grouped)
    parts = {part.head.name: part.answers.start for part in version.neural.layout.parts}
    assert (found.tasks[:, parts["purchase_24h"]] >= found.purchase).all()
    completion = found.tasks[:, parts["cart_completion"]]
    full = ~np.isnan(completion)
    assert full.any()
    np.testing.assert_array_equal(completion[full], found.purchase[full])
    searches = version.neural.layout["next_event"]
    share = found.tasks[:, searches.answers.start + searches.classes.index("search")]
    np.testing.assert_array_equal(share, found.tasks[:, parts["search_next"]])


def test_without_baselines_there_are_figures_still(judged) -> None:
    version, grouped = judged
    told = answers(version.neural, grouped).tasks
    found = heads_report.heads(replace(version, baselines={}), grouped, np.ones(len(grouped), bool), told)
    assert found["next_event"]["baseline"] is None
    assert found["next_event"]["value"] > 0


def test_baselines_say_what_they_should(judged) -> None:
    version, grouped = judged
    inputs = head_baselines.columns(grouped)
    for part in Layout.of(version.neural.network.config.tasks).parts:
        if part.head.kind is Kind.RISK:
            continue
        said = head_baselines.predict(version.baselines["heads"][part.head.name], part, grouped, inputs)
        again = head_baselines.predict(version.baselines["heads"][part.head.name], part, grouped, inputs)
        assert len(said) >= 2
        for name, found in said.items():
            width = (len(part.classes),) if part.head.kind is Kind.CLASSES else ()
            assert found.shape == (len(grouped), *width)
            np.testing.assert_array_equal(found, again[name])
            if part.head.kind is Kind.CLASSES:
                np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_metrics_by_example() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]])
    single = np.array([[0], [2], [1], [2]])
    assert METRICS["accuracy"](shares, single) == 0.5
    # F1 of class 0: 2/3, of 1: 0, of 2: 2/3.
    assert METRICS["macro_f1"](shares, single) == pytest.approx(4 / 9)
    # A tie stands before the class that came.
    assert METRICS["mrr"](shares, single) == pytest.approx((1 + 1 / 2 + 1 / 2 + 1) / 4)
    several = np.array([[0, 2], [-1, -1], [-1, 1], [2, -1]])
    assert METRICS["mrr"](shares, several) == pytest.approx((1 + 1 / 3 + 1 / 2 + 1) / 4)
    paid = np.array([0.0, 10.0, 0.0, 30.0])
    assert METRICS["gini"](paid, paid) == pytest.approx(1)
    assert METRICS["gini"](np.ones(4), paid) == pytest.approx(0)
    assert METRICS["gini"](-paid, paid) < 0
    assert METRICS["r2"](paid, paid) == 1
    assert METRICS["r2"](np.full(4, 10.0), paid) == pytest.approx(0)
