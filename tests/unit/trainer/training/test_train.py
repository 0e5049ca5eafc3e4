"""The quality floor: what a short training reaches on sessions that came after all it has seen."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models import quality_metrics
from models.features.features import NAMES
from models.registry import registry
from models.registry.registry import Parts
from tests.scoring import SHIPPED
from trainer.evaluation.evaluate import Evaluation, judge, tiers
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.build import build
from trainer.training.log_parts import Run
from trainer.training.train import train

GSTORE = Path(__file__).parents[5] / "shared" / "data" / "gstore" / "gstore_2016-08_09.parquet"
#: A slow machine must not change what is learned.
FOREVER = 1e9
SHARES = (0.7, 0.15, 0.15)
#: What is known of the session so far, without who and where.
PREFIX = [
    n
    for n, name in enumerate(NAMES)
    if name.startswith(("session_", "clicks", "dwell", "mean_", "distinct_"))
]
PREFIX += [NAMES.index(name) for name in ("cart_items", "cart_value", "spend", "price", "has_item")]


def logistic_auc(learned: Examples, later: Examples) -> float:
    """Logistic regression on prefix features, on the same clicks."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(learned.features[learned.judged][:, PREFIX], learned.buys[learned.judged])
    chances = model.predict_proba(later.features[later.judged][:, PREFIX])[:, 1]
    return quality_metrics.auc(chances.astype(np.float32), later.buys[later.judged])


def floor(log: pl.LazyFrame, options: Options) -> tuple[Parts, dict[str, Evaluation], float]:
    learned, held_out, later = split(replay_log(log).examples(), SHARES)
    parts = build(learned, held_out, options, lambda progress: None)
    figures = {name: judge(scorer, later) for name, scorer in tiers(parts).items()}
    for name, judged in figures.items():
        print(name, judged)
    return parts, figures, logistic_auc(learned, later)


def check(figures: dict[str, Evaluation], logistic: float) -> None:
    print(f"logistic regression AUC {logistic:.4f}")
    neural, popular = figures["neural"], figures["popular_in_category"]
    assert neural.auc > logistic
    assert neural.recall_20 > popular.recall_20
    assert figures["session_knn"].recall_20 > popular.recall_20


@pytest.mark.long
def test_floor_on_the_shipped_log() -> None:
    _, figures, logistic = floor(read_log([SHIPPED]), Options(epochs=5, seconds=FOREVER))
    check(figures, logistic)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not GSTORE.exists(), reason=f"{GSTORE} is not on this machine")
def test_floor_on_gstore() -> None:
    log = read_log([GSTORE]).filter(pl.col("visitor_id").hash(seed=1) % 3 == 0)
    _, figures, logistic = floor(log, Options(epochs=8, seconds=FOREVER))
    check(figures, logistic)


def test_same_log_and_seed_make_the_same_model(tmp_path: Path) -> None:
    log = tmp_path / "short.parquet"
    read_log([SHIPPED]).head(4000).sink_parquet(log)
    seen: list[int] = []
    versions = [
        train(
            Run([log], tmp_path / str(number), options=Options(epochs=2, seconds=FOREVER)),
            1_700_000_000_000,
            lambda progress: seen.append(progress.batch),
        )
        for number in range(2)
    ]
    assert versions[0].id == versions[1].id
    assert seen
    told = dict(versions[0].metrics["log"])
    assert told.pop("amount_bounds") == versions[0].amount_bounds.prices
    assert versions[0].amount_bounds.price(None) > 10_000
    assert told == {"files": ["short.parquet"], "rejected": {}, "notes": []}
    assert versions[0].metrics["neural"]["recall_20"] > 0
    loaded = registry.load(versions[0].path)
    assert loaded.vocabulary.ids == versions[1].vocabulary.ids
