"""The demand forecast as JSON: every item, category and the shop, with quantiles, stock hints and backtest
figures.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.forecasting.demand_model import HORIZONS, Floats, expected
from models.forecasting.stock import QUANTILES, Stock, Supply, quantiles, stock_hints
from trainer.forecasting.demand_report import LEVELS, judge, spreads, summed
from trainer.forecasting.demand_training import Sales, moment, panel

_DIGITS = 4


def forecast(
    sold: Sales, horizon: str, at: int | None, stock: Mapping[str, int], supply: Supply
) -> dict[str, Any]:
    """Forecasts from `at` (epoch ms, default: the end of the log) on, as JSON values.

    `stock` is the number of pieces by item id. Raises DemandError if the log is too short.
    """
    chosen = HORIZONS[horizon]
    start = moment(sold, chosen, at)
    cells = panel(sold, chosen, start)
    mean = expected(cells, cells.counts.shape[1], chosen)
    learned = spreads(cells, expected, chosen)
    levels = {level: summed(mean, level, cells.category) for level in LEVELS}
    spread = {level: quantiles(values, learned[level]) for level, values in levels.items()}
    names = dict(zip(LEVELS, (cells.items, cells.categories, ["shop"]), strict=True))
    rows = {
        level: [_row(*row) for row in zip(names[level], levels[level], spread[level], strict=True)]
        for level in LEVELS
    }
    _add_stock(rows["item"], sold, start, stock, supply)
    for row, category in zip(rows["item"], sold.category, strict=True):
        row["category"] = category
    return {
        "demand": sold.event,
        "horizon": horizon,
        "from": _iso(start),
        "periods": [_iso(start + step * chosen.span * chosen.cell_ms) for step in range(chosen.steps)],
        "supply": supply._asdict(),
        "items": rows["item"],
        "categories": rows["category"],
        "shop": rows["shop"][0],
        "judged": judge(cells, chosen),
    }


def _row(name: str, mean: Floats, spread: Floats) -> dict[str, Any]:
    """One series: means and quantiles by period."""
    named = {f"q{share * 100:.0f}": spread[:, place].tolist() for place, share in enumerate(QUANTILES)}
    return {"id": name, "mean": np.round(mean, _DIGITS).tolist(), **named}


def _add_stock(
    rows: list[dict[str, Any]], sold: Sales, start: int, stock: Mapping[str, int], supply: Supply
) -> None:
    """Add days of cover and reorder hint to items with a stock figure; both use the next week's demand,
    whatever the horizon.
    """
    if not stock:
        return
    weekly = HORIZONS["weekly"]
    cells = panel(sold, weekly, start // weekly.cell_ms * weekly.cell_ms)
    mean = expected(cells, cells.counts.shape[1], weekly)[:, 0]
    pieces = np.array([stock.get(item, np.nan) for item in cells.items], dtype=np.float64)
    hints = stock_hints(pieces, mean, spreads(cells, expected, weekly)["item"], supply)
    for row, known, *hint in zip(rows, pieces, *hints, strict=True):
        if not np.isnan(known):
            row |= _told(known, Stock(*hint))


def _told(pieces: float, hint: Any) -> dict[str, Any]:
    return {
        "stock": int(pieces),
        "days_of_cover": _days(hint.cover),
        "cautious_days_of_cover": _days(hint.cautious_cover),
        "reorder_point": int(hint.point),
        "order": int(hint.order),
    }


def _days(value: float) -> float | None:
    """Rounded days; None if the stock never runs out."""
    return round(float(value), 1) if np.isfinite(value) else None


def _iso(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
