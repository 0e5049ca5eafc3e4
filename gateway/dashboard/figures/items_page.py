"""The page Items: top and trending items, the demand forecast, and hints about stock."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.dashboard.feeds.latest_records import ItemRow
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.charts import chart_panel
from gateway.dashboard.figures.panels import (
    NONE,
    PagePanel,
    WindowChoice,
    clock,
    count_text,
    decimal_text,
    table_panel,
)

#: Items of a table.
MOST_SHOWN: Final = 25
#: Milliseconds of event time that trends are of.
TREND_MS: Final = 3_600_000
NO_ITEMS: Final = "No click in this window names an item in the contract's own form (field `item_id`)."
NO_TRENDS: Final = "No trends yet: workers publish them on the topic `analytics` while clicks come."
NO_DEMAND: Final = (
    "No forecast: let `pathcast demand --json FILE` write one from time to time, and name the file by "
    "PATHCAST_GATEWAY_DEMAND."
)


class DemandFile:
    """The newest forecast of `pathcast demand`; read again where the file has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._changed = path, 0
        self._held: dict[str, Any] = {}

    def forecast(self) -> dict[str, Any]:
        """The file's content; what was read before where it cannot be read now, empty where nothing was."""
        with suppress(OSError, msgspec.DecodeError):
            if self._path is not None and (changed := self._path.stat().st_mtime_ns) != self._changed:
                self._held = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Any])
                self._changed = changed
        return self._held


def items_page(feed: TopicFeed, chosen: WindowChoice, demand: DemandFile) -> list[PagePanel]:
    """The panels."""
    return [_top(feed, chosen), *_trending(feed), *_demand(feed, demand.forecast())]


def named(feed: TopicFeed, item: str) -> list[str]:
    """An item's id, title, category and price."""
    known = feed.broadcasts.items.held.get(item, ItemRow())
    return [item, known.title or NONE, known.category or NONE, decimal_text(known.price)]


def _top(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    held = feed.answers.items.total(chosen.window)
    items = {name[1] for name in held if len(name) == 2}
    events = ("view_item", "add_to_cart", "purchase")
    counts = {item: [held[event, item] for event in events] for item in items}
    best = sorted(counts, key=lambda item: (*(-count for count in counts[item]), item))[:MOST_SHOWN]
    rows = [[*named(feed, item), *map(count_text, counts[item])] for item in best]
    columns = ("item", "title", "category", "price", "views", "carts", "purchases")
    return table_panel("top", "Top items", chosen.text, columns, "lllrrrr", rows, NO_ITEMS)


def _trending(feed: TopicFeed) -> Iterator[PagePanel]:
    panes = feed.broadcasts.analytics.panes
    for kind, title in (("items", "Trending items"), ("categories", "Trending categories")):
        rows: list[list[str]] = []
        text = "last hour of event time"
        if panes.pane_ms:
            now, before = panes.last(TREND_MS), panes.last(TREND_MS, hops=1)
            text = (
                f"last hour of event time, {clock(now.start)} to {clock(now.end)} UTC, beside the hour before"
            )
            rows = _moved(feed, kind, now.trends, before.trends)
        columns = ("item", "title", "category", "price") if kind == "items" else ("category",)
        align = "lllr" if kind == "items" else "l"
        figures = ("interest", "hour before", "error at most")
        yield table_panel(
            f"trending-{kind}", title, text, (*columns, *figures), align + "rrr", rows, NO_TRENDS
        )


def _moved(feed: TopicFeed, kind: str, now: Any, before: Any) -> list[list[str]]:
    """Keys by how much their interest grew."""
    if kind not in now:
        return []
    found, former = now[kind], before[kind].counts if kind in before else {}
    grown = {key: weight - former.get(key, (0, 0))[0] for key, (weight, _) in found.counts.items()}
    best = sorted(grown, key=lambda key: (-grown[key], key))[:MOST_SHOWN]
    return [
        [
            *(named(feed, key) if kind == "items" else [key]),
            count_text(found.counts[key][0]),
            count_text(former.get(key, (0, 0))[0]),
            count_text(found.error),
        ]
        for key in best
    ]


def _demand(feed: TopicFeed, made: dict[str, Any]) -> Iterator[PagePanel]:
    text = (
        f"from {made.get('from', NONE)}, {made.get('horizon', '')}, {made.get('demand', '')}"
        if made
        else "none"
    )
    periods, shop = made.get("periods", []), made.get("shop", {})
    band = {"type": "scatter", "mode": "lines", "x": periods, "line": {"width": 0}, "showlegend": False}
    traces = [
        band | {"y": shop.get("q90", []), "name": "90% quantile"},
        band | {"y": shop.get("q10", []), "name": "10% to 90%", "fill": "tonexty", "showlegend": True},
        {"type": "scatter", "mode": "lines+markers", "x": periods, "y": shop.get("mean", []), "name": "mean"},
    ]
    series = zip(periods, *(shop.get(name, []) for name in ("q10", "mean", "q90")), strict=False)
    rows = [[one[0], *(decimal_text(value, 1) for value in one[1:])] for one in series]
    table = (("period", "10%", "mean", "90%"), "lrrr", rows)
    yield chart_panel("demand", "Demand forecast of the shop", text, traces, table, NO_DEMAND)
    items = sorted(made.get("items", []), key=lambda one: (-one.get("order", 0), -sum(one["mean"])))
    hints = [_hint_row(feed, one) for one in items[:MOST_SHOWN]]
    columns = ("item", "title", "category", "price", "mean", "10% to 90%", "stock", "days of cover", "order")
    title = "Demand, days of cover and reorder hints"
    yield table_panel("hints", title, text, columns, "lllrrrrrr", hints, NO_DEMAND)


def _hint_row(feed: TopicFeed, one: dict[str, Any]) -> list[str]:
    ends = [count_text(sum(one.get(name, []))) for name in ("q10", "q90")]
    return [
        *named(feed, one["id"]),
        decimal_text(sum(one["mean"]), 1),
        " to ".join(ends),
        count_text(one.get("stock")),
        decimal_text(one.get("days_of_cover"), 1),
        count_text(one.get("order")),
    ]
