"""Our sessions against a real store's own sessionisation."""

from pathlib import Path

import polars as pl
import pytest

from models.contract.events import Click
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step

LOG = Path(__file__).parents[5] / "shared/data/gstore/gstore_2016-08_09.parquet"
VISITORS = 4_000


@pytest.fixture(scope="module")
def sample():
    """Whole visitors, half of them among those who came more than once."""
    if not LOG.exists():
        pytest.skip(f"{LOG.name} is not here: it is read from ../shared/data and not shipped")
    log = pl.scan_parquet(LOG).select("event_id", "visitor_id", "ts_ms", "event", "ga_session_id")
    visits = log.group_by("visitor_id").agg(pl.col("ga_session_id").n_unique().alias("visits"))
    once, often = (
        visits.filter(having).sort("visitor_id").head(VISITORS // 2)
        for having in (
            pl.col("visits") == 1,
            pl.col("visits") > 1,
        )
    )
    chosen = pl.concat([once, often])
    return log.join(chosen, on="visitor_id", how="semi", maintain_order="left").collect()


def test_sessions_agree_with_the_stores_own(sample):
    visitors, stores, agreed, started = {}, {}, 0, 0
    for event_id, visitor_id, ts, event, session in sample.iter_rows():
        click = Click(event_id=event_id, visitor_id=visitor_id, ts=ts, event=event)
        visitors[visitor_id], facts = step(visitors.get(visitor_id), click, ts - 300_000, SessionConfig())
        theirs = stores.get(visitor_id) != session
        stores[visitor_id] = session
        agreed += facts.fresh == theirs
        started += facts.fresh or theirs
    both = started - (len(sample) - agreed)
    print(
        f"{len(sample)} clicks: session starts agree on {agreed / len(sample):.4f} of the clicks, "
        f"on {both / started:.4f} of {started} starts"
    )
    assert agreed / len(sample) > 0.97
    assert both / started > 0.97
