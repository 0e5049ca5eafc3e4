"""Logs that are not what they should be: what was found, and what to do."""

from pathlib import Path

import polars as pl
import pytest

from models.contract.catalogue import Catalogue, Item
from models.errors import PathcastError
from models.registry.versions import Version
from tests.scoring import SHIPPED
from tests.training import small
from trainer.baselines import Baselines
from trainer.logs import warnings
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.logs.outliers import price_outliers
from trainer.logs.row_checks import repeats
from trainer.logs.warnings import fitted
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

QUICK = Options(epochs=1, seconds=1e9, embedding=8, hidden=8, candidates=32)
LOG = read_log([SHIPPED]).head(1200).collect()


def run(tmp_path: Path, log: pl.DataFrame):
    path = tmp_path / "log.parquet"
    log.write_parquet(path)
    return train(Run([path], tmp_path / "registry", options=QUICK), 1_700_000_000_000, lambda at: None)


def said(version: Version) -> list[str]:
    """Notes on the log, without that on a network which had but one epoch."""
    return [note for note in version.metrics["log"]["notes"] if not note.startswith("the Brier score")]


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PathcastError, match=r"no click of the log can be used \(it has no rows\); check the file"
    ):
        run(tmp_path, LOG.head(0))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("")
    with pytest.raises(PathcastError, match=r"log\.csv cannot be read .*check that it is what its name says"):
        train(Run([path], tmp_path, options=QUICK), 0, lambda at: None)


def test_times_that_are_none_are_counted_and_refused(tmp_path: Path) -> None:
    log = LOG.with_columns(pl.lit("soon").alias("ts"))
    with pytest.raises(PathcastError, match=r"its rows were rejected: invalid: 1,200.*--map FIELD=COLUMN"):
        run(tmp_path, log)


def lessons(every: int) -> pl.DataFrame:
    """The log with one of four names that are no event at each `every`th row."""
    row = pl.int_range(pl.len())
    name = pl.when(row % every == 0).then(pl.format("lesson {}", row // every % 4)).otherwise(pl.col("event"))
    return LOG.with_columns(name.alias("event"))


def test_event_names_that_are_not_known_are_named(tmp_path: Path) -> None:
    told = (
        r"its rows were rejected: invalid: 1,200; 1,200 of them with event names that are not known: "
        r"'lesson \d', 'lesson \d', 'lesson \d' and 1 more\); .*--event-map NAME=EVENT"
    )
    with pytest.raises(PathcastError, match=told):
        run(tmp_path, lessons(1))
    [note] = [one for one in run(tmp_path, lessons(3)).metrics["log"]["notes"] if "cannot be used" in one]
    assert "invalid: 400; 400 of them with event names that are not known: 'lesson " in note


def test_columns_that_are_not_known_are_listed(tmp_path: Path) -> None:
    with pytest.raises(PathcastError, match=r"has no column for ts; its columns are .*when.*--map ts=COLUMN"):
        run(tmp_path, LOG.rename({"ts": "when"}))


def test_a_log_of_one_class_trains_next_items_and_says_so(tmp_path: Path) -> None:
    version = run(tmp_path, LOG.filter(pl.col("event") != "purchase"))
    [note] = said(version)
    assert note.startswith("no click is followed by a purchase")
    assert "--map event=COLUMN" in note
    assert version.metrics["neural"]["auc"] == 0.5


def test_a_log_of_purchases_alone_trains_next_items_and_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    LOG.with_columns(pl.lit("purchase").alias("event")).write_parquet(log)
    bought = Run([log], tmp_path / "registry", options=QUICK, baselines=True)
    version = train(bought, 1_700_000_000_000, lambda at: None)
    [note] = said(version)
    assert note.startswith("every event is a purchase")
    assert "--map event=COLUMN" in note
    assert version.metrics["neural"]["recall_20"] > 0
    assert version.metrics["reference"] is None
    found = Baselines(version.baselines).predict(replay_log(read_log([SHIPPED]).head(9)).examples().grouped())
    assert (found["base_rate"] == 0).all()


def test_a_log_out_of_order_is_sorted_and_says_so(tmp_path: Path) -> None:
    version = run(tmp_path / "one", LOG.reverse()) if (tmp_path / "one").mkdir() is None else None
    (tmp_path / "other").mkdir()
    ordered = run(tmp_path / "other", LOG)
    [note] = said(version)
    assert "rows are earlier than the row above them: the log was sorted by ts" in note
    assert said(ordered) == []
    assert version.metrics["clicks"] == ordered.metrics["clicks"]


def test_many_refused_rows_are_told(tmp_path: Path) -> None:
    log = LOG.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0)
        .then(None)
        .otherwise(pl.col("visitor_id"))
        .alias("visitor_id")
    )
    told = said(run(tmp_path, log))
    assert any("of 1,200 rows cannot be used" in note for note in told)


def test_a_log_that_was_written_twice_is_told(tmp_path: Path) -> None:
    bare = LOG.drop("event_id")
    pl.concat([bare, bare]).write_csv(tmp_path / "log.csv")
    doubled = Run([tmp_path / "log.csv"], tmp_path / "registry", options=QUICK)
    found = said(train(doubled, 1_700_000_000_000, lambda at: None))
    assert any("of 2,400 rows repeat visitor, time, event and item of another row" in one for one in found)
    assert repeats(pl.concat([LOG, LOG])) == repeats(LOG) < 60


def test_prices_that_are_no_amounts_are_told(tmp_path: Path) -> None:
    row, price = pl.int_range(pl.len()), pl.col("price").cast(pl.String)
    for at, odd in enumerate(["NaN", "inf", "-5", "cheap", "", "(not set)"]):
        price = pl.when(row % 12 == at).then(pl.lit(odd)).otherwise(price)
    LOG.with_columns(price.alias("price")).write_csv(tmp_path / "log.csv")
    rows, odd = price_outliers([tmp_path / "log.csv"], {})
    assert odd == {"NaN": 100, "infinite": 100, "negative": 100, "no number": 100}
    [note] = warnings.prices(rows, odd)
    assert rows == 1_000
    assert note.startswith("400 of 1,000 prices are no amounts (NaN: 100, infinite: 100, negative: 100, no")
    version = run(tmp_path, LOG.with_columns(pl.lit(float("inf")).alias("price")))
    assert any("1,200 of 1,200 prices are no amounts (infinite: 1,200)" in one for one in said(version))
    assert price_outliers([SHIPPED], {})[1] == {}


def test_another_shops_catalogue_is_told(tmp_path: Path) -> None:
    LOG.write_parquet(tmp_path / "log.parquet")
    items, own = tmp_path / "items.csv", LOG["item_id"].drop_nulls().unique()
    given = Run([tmp_path / "log.parquet"], tmp_path / "registry", items, options=QUICK)
    pl.DataFrame({"item_id": [f"other{number}" for number in range(9)]}).write_csv(items)
    [note] = said(train(given, 1_700_000_000_000, lambda at: None))
    assert note.startswith(f"0 of {len(own):,} items of the log are in --items items.csv: see that")
    shop = Catalogue()
    for item in own[: len(own) // 2 + 1]:
        shop.put(item, Item())
    assert warnings.strangers(own, shop, items) == []


def test_a_log_too_short_to_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathcastError, match="too few to split by time; give a longer log"):
        run(tmp_path, LOG.head(1))


def test_a_network_that_learned_nothing_is_called_so() -> None:
    held_out = small().examples
    share = held_out.buys[held_out.judged].mean()
    assert fitted(share * (1 - share), held_out) == []
    (said,) = fitted(0.9, held_out)
    assert said.startswith("the Brier score of purchase intent on the newest clicks is 0.900, that of always")
