"""Real clicks for analytics: the shipped log, and the large one that is read where it is."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.analytics.analytics_records import encode_analytics
from models.analytics.collecting import Added, AddedCollector
from models.analytics.folding import fold
from models.analytics.merging import AnalyticsWindow, window_of
from models.contract.events import Click
from models.sessions.lifecycle import SessionConfig, advance
from models.sessions.session import step
from models.state.facts import Ended

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "deploy/data/rees46_electronics.csv.gz"
GSTORE = ROOT.parent / "shared/data/gstore/gstore_2016-08_09.parquet"
EVENTS = {"view": "view_item", "cart": "add_to_cart", "purchase": "purchase"}
FIELDS = ("event_id", "visitor_id", "event", "item_id", "category", "device", "channel", "country")
FOREVER = 1 << 52


def shipped() -> list[Click]:
    """The log of the demo, in order of time; it names no device, channel or country."""
    times = pl.col("event_time").str.strip_suffix(" UTC").str.to_datetime().dt.epoch("ms").alias("ts_ms")
    names = {"user_session": "visitor_id", "product_id": "item_id", "category_code": "category"}
    log = pl.read_csv(SHIPPED, infer_schema=False).rename(names).with_row_index("event_id")
    event = pl.col("event_type").replace_strict(EVENTS).alias("event")
    return _clicks(log.with_columns(times, event, pl.col("event_id").cast(pl.String)))


def gstore(clicks: int) -> list[Click]:
    """The first clicks of a real store, with device, channel and country; skips where it is missing."""
    if not GSTORE.exists():
        pytest.skip(f"{GSTORE.name} is not here: it is read from ../shared/data and not shipped")
    return _clicks(pl.scan_parquet(GSTORE).head(clicks).collect())


def _clicks(log: pl.DataFrame) -> list[Click]:
    columns = [name for name in FIELDS if name in log.columns]
    rows = log.sort("ts_ms", maintain_order=True).select("ts_ms", *columns).iter_rows(named=True)
    return [Click(ts=row.pop("ts_ms"), **_said(row)) for row in rows]


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


class Counted:
    """Clicks through sessions and collectors, in chunks; at last all sessions end."""

    def __init__(self, clicks: list[Click], size: int = 2_000) -> None:
        self.added: list[Added] = []
        self.ended: list[Ended] = []
        self._visitors: dict[str, Any] = {}
        self._config, self._watermark = SessionConfig(), 0
        for at in range(0, len(clicks), size):
            self._chunk(clicks[at : at + size])
        collector = AddedCollector()
        for known in self._visitors.values():
            self._count(collector, advance(known, self._watermark + 24 * 3_600_000, self._config)[1])
        self.added.append(collector.added())

    def _chunk(self, clicks: list[Click]) -> None:
        collector, visitors = AddedCollector(), self._visitors
        for click in clicks:
            self._watermark = max(self._watermark, click.ts)
            before = visitors.get(click.visitor_id)
            visitors[click.visitor_id], facts = step(before, click, self._watermark, self._config)
            if facts.code:
                collector.click(click, facts, visitors[click.visitor_id])
            self._count(collector, facts.transitions)
        self.added.append(collector.added())

    def _count(self, collector: AddedCollector, transitions: list[Any]) -> None:
        for one in transitions:
            collector.transition(one)
            if isinstance(one, Ended):
                self.ended.append(one)


def folded(added: list[Added], partition: int = 0, each: int = 20) -> AnalyticsWindow:
    """All panes as one window, after a fold of every `each` chunks."""
    store: dict[bytes, bytes] = {}
    records = {}
    for at in range(0, len(added), each):
        part = added[at : at + each]
        for key, record in list(fold(part, lambda keys: list(map(store.get, keys)), partition, 0, 0)):
            store[key], records[key] = encode_analytics(record), record
    return window_of(records.values(), 0, FOREVER)
