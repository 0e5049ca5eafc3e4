"""Demand from logs: what counts, where a forecast starts, how it is judged, and the command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.contract.catalogue import Catalogue, Item
from models.forecasting.demand_model import HORIZONS
from models.forecasting.stock import Supply
from tests.scoring import SHIPPED
from trainer.forecasting.demand_forecast import forecast
from trainer.forecasting.demand_report import METHODS, judge, learn_spread, outcomes
from trainer.forecasting.demand_training import DemandError, moment, panel, sales
from trainer.logs.log_files import read_log

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
#: Sales of each weekday, from Monday on.
WEEK = (2, 2, 3, 3, 8, 12, 5)
DAYS = 56


def ms(days: float) -> int:
    return int((MONDAY + timedelta(days=days)).timestamp() * 1000)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """Eight weeks of a shop with a weekly pattern: six items that sell Poisson, one that is only viewed."""
    random, rows = np.random.default_rng(0), []
    for day in range(DAYS):
        for item in range(6):
            pieces = random.poisson(WEEK[day % 7] * (item + 1) / 6)
            if pieces:
                rows.append(
                    (f"e{len(rows)}", "v", ms(day + 0.5), "purchase", f"i{item}", pieces, f"c{item % 2}")
                )
        rows.append((f"e{len(rows)}", "v", ms(day + 0.99), "view_item", "shy", None, None))
    path = tmp_path_factory.mktemp("demand") / "log.parquet"
    columns = ["event_id", "visitor_id", "ts", "event", "item_id", "quantity", "category"]
    pl.DataFrame(rows, schema=columns, orient="row").write_parquet(path)
    return path


@pytest.fixture(scope="module")
def found(log):
    return sales(read_log([log]), Catalogue())


@pytest.mark.parametrize("quantities", [True, False])
def test_all_items_of_an_order_are_demand(tmp_path, quantities) -> None:
    orders = {
        "event_id": ["a", "b"],
        "visitor_id": ["v", "v"],
        "ts": [ms(0.1), ms(0.2)],
        "event": ["purchase", "purchase"],
        "item_id": ["mug", "cup"],
        "quantity": [1, 4],
        "basket": [["pot", "cup"], None],
        **({"basket_quantities": [[3, None], None]} if quantities else {}),
    }
    pl.DataFrame(orders).write_parquet(tmp_path / "log.parquet")
    found = sales(read_log([tmp_path / "log.parquet"]), Catalogue())
    pieces = {item: found.pieces[found.item == place].sum() for place, item in enumerate(found.items)}
    assert pieces == {"mug": 1, "cup": 5, "pot": 3 if quantities else 1}


def test_pieces_are_counted_by_day(found) -> None:
    cells = panel(found, HORIZONS["daily"], moment(found, HORIZONS["daily"], None))
    assert found.event == "purchase"
    assert cells.items == ["i0", "i1", "i2", "i3", "i4", "i5", "shy"]
    assert cells.counts.shape == (7, DAYS)
    assert cells.counts.sum() == found.pieces.sum()
    assert cells.counts[6].sum() == 0
    assert [cells.categories[number] for number in cells.category] == ["c0", "c1"] * 3 + [""]


def test_returned_pieces_are_no_demand(log, found) -> None:
    rows = read_log([log]).collect()
    back = rows.filter(pl.col("event") == "purchase").head(5).with_columns(quantity=pl.lit(-7, pl.Int64))
    returned = sales(pl.concat([rows, back]).lazy(), Catalogue())
    assert returned.pieces.sum() == found.pieces.sum()


def test_what_counts_is_a_choice(log) -> None:
    views = sales(read_log([log]), Catalogue(), "view_item")
    assert (views.event, views.pieces.sum()) == ("view_item", DAYS)
    events = sales(read_log([log]), Catalogue(), "purchase", pieces=False)
    assert set(events.pieces) == {1.0}
    only_views = read_log([log]).filter(pl.col("event") == "view_item")
    assert sales(only_views, Catalogue()).event == "view_item"


def test_the_catalogue_knows_items_that_nobody_bought(log) -> None:
    catalogue = Catalogue()
    catalogue.put("new", Item(category="c9", stock=3))
    catalogue.put("i0", Item(category="theirs"))
    made = sales(read_log([log]), catalogue)
    assert made.category[made.items.index("new")] == "c9"
    assert made.category[made.items.index("i0")] == "theirs"
    assert made.seen[made.items.index("new")] == 0


def test_a_weekly_pattern_beats_the_moving_average(found) -> None:
    cells = panel(found, HORIZONS["daily"], ms(DAYS))
    judged = judge(cells, HORIZONS["daily"])
    for level in ("item", "category", "shop"):
        assert set(judged[level]) == set(METHODS)
        ours, average = judged[level]["shrinkage"], judged[level]["moving_average"]
        assert ours["wape"] < 0.8 * average["wape"], level
        assert ours["pinball"] < 0.8 * average["pinball"], level
    assert judged["shop"]["shrinkage"]["wape"] < judged["shop"]["seasonal_naive"]["wape"]


def test_the_judged_days_are_after_those_that_tell_the_spread(found) -> None:
    cells = panel(found, HORIZONS["daily"], ms(DAYS))
    counts = cells.counts.copy()
    counts[:, -13:] = 0
    before = outcomes(cells, METHODS["shrinkage"], HORIZONS["daily"], range(28, 30))["item"]
    changed = type(cells)(cells.items, cells.categories, cells.category, cells.known, counts, cells.start)
    after = outcomes(changed, METHODS["shrinkage"], HORIZONS["daily"], range(28, 30))["item"]
    assert learn_spread(before) == learn_spread(after)
    assert judge(changed, HORIZONS["daily"])["shop"]["shrinkage"]["bias"] > 2


def test_upper_quantiles_hold_what_they_promise(found) -> None:
    made = judge(panel(found, HORIZONS["daily"], ms(DAYS)), HORIZONS["daily"])["item"]["shrinkage"]
    assert 0.85 < made["below_upper"] <= 1


def test_the_forecast_of_a_made_shop(found) -> None:
    made = forecast(found, "daily", None, {"i5": 10, "i0": 10_000}, Supply(7, 7, 0.9))
    rows = {row["id"]: row for row in made["items"]}
    assert made["from"] == "2024-02-26T00:00:00Z"
    assert len(made["periods"]) == 7
    assert rows["i5"]["mean"] == pytest.approx(WEEK, rel=0.35)
    for row in [*made["items"], *made["categories"], made["shop"]]:
        assert np.all(np.diff([row["q10"], row["q50"], row["q90"]], axis=0) >= 0)
    np.testing.assert_allclose(
        np.sum([row["mean"] for row in made["items"]], axis=0), made["shop"]["mean"], atol=1e-2
    )
    assert rows["i5"]["days_of_cover"] == pytest.approx(10 / (sum(WEEK) / 7), rel=0.2)
    assert rows["i5"]["cautious_days_of_cover"] < rows["i5"]["days_of_cover"]
    assert rows["i5"]["order"] > 35 > rows["i5"]["days_of_cover"]
    assert rows["i0"]["order"] == 0
    assert "stock" not in rows["i1"]


@pytest.mark.parametrize(
    ("at", "message"), [(ms(10), "at least 21 days"), (ms(DAYS + 9), "right after it"), (ms(-5), "0.0 days")]
)
def test_a_start_without_history_is_refused(found, at, message) -> None:
    with pytest.raises(DemandError, match=message):
        moment(found, HORIZONS["daily"], at)


def test_logs_without_demand_are_refused(log) -> None:
    with pytest.raises(DemandError, match=r"no event 'refund'.*purchase: .*view_item: 56.*--event"):
        sales(read_log([log]), Catalogue(), "refund")
    with pytest.raises(DemandError, match="no column of items"):
        sales(read_log([log]).drop("item_id"), Catalogue())
    with pytest.raises(DemandError, match="no event of the log has an item"):
        sales(read_log([log]).filter(pl.col("ts") < 0), Catalogue())
    nothing = read_log([log]).filter(pl.col("event") == "purchase").with_columns(event=pl.lit("search"))
    with pytest.raises(DemandError, match="search"):
        sales(nothing, Catalogue())


@pytest.mark.parametrize("horizon", HORIZONS)
def test_every_horizon_is_written(log, tmp_path, horizon) -> None:
    out = tmp_path / "out.json"
    done = CliRunner().invoke(
        main, ["demand", "--events", str(log), "--horizon", horizon, "--json", str(out)]
    )
    assert done.exit_code == 0, done.output
    made, chosen = json.loads(out.read_text()), HORIZONS[horizon]
    assert made["from"] == "2024-02-26T00:00:00Z"
    assert len(made["periods"]) == len(made["shop"]["q90"]) == chosen.steps
    # The next 24 hours are a Monday; daily and weekly forecasts cover the whole week.
    sold = 3.5 * (WEEK[0] if horizon == "hourly" else sum(WEEK))
    assert sum(made["shop"]["mean"]) == pytest.approx(sold, rel=0.35)


def test_the_command_forecasts_the_shipped_log(tmp_path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,category,stock\n4101564,x,3\nnobody-knows,y,0\n")
    out, bought = tmp_path / "out.json", tmp_path / "bought.parquet"
    log = read_log([SHIPPED])
    sold = log.filter(pl.col("event") == "purchase").select("item_id").unique()
    log.join(sold, on="item_id", how="semi").sink_parquet(bought)
    options = ["demand", "--events", str(bought), "--items", str(items)]
    done = CliRunner().invoke(main, [*options, "--as-of", "2021-02-15", "--json", str(out)])
    assert done.exit_code == 0, done.output
    made = json.loads(out.read_text())
    assert made["from"] == "2021-02-15T00:00:00Z"
    assert set(made["judged"]) == {"item", "category", "shop"}
    unknown = next(row for row in made["items"] if row["id"] == "nobody-knows")
    assert (unknown["days_of_cover"], unknown["stock"]) == (0, 0)
    assert (
        made["judged"]["item"]["shrinkage"]["pinball"] <= made["judged"]["item"]["seasonal_naive"]["pinball"]
    )


def test_the_command_explains_a_wrong_time(tmp_path) -> None:
    options = ["demand", "--events", str(SHIPPED), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(main, [*options, "--as-of", "soon"])
    assert done.exit_code == 2
    assert "'soon' is no time" in done.output
