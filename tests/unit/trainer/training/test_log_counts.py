"""What a log's counts take for interest: looks, carts and purchases, and ratings where there is no other."""

import polars as pl
import pytest

from models.scoring.session_index import NeighbourSettings
from trainer.logs.log_replay import replay_log
from trainer.training.log_counts import index, vocabulary

START = 1_700_000_000_000
LOOKS = [("view_item", "a"), ("view_item", "b"), ("view_item", "b"), ("add_to_cart", "c")]


def examples(*events):
    """Two visitors do the same."""
    rows = [
        {
            "event_id": f"{visitor}{number}",
            "visitor_id": visitor,
            "ts": START + number * 60_000,
            "event": event,
            "item_id": item,
        }
        for visitor in ("v", "w")
        for number, (event, item) in enumerate(events)
    ]
    return replay_log(pl.DataFrame(rows).lazy()).examples()


def weights(*events):
    words, found = vocabulary(examples(*events))
    return dict(zip(words.ids, found.tolist(), strict=True))


@pytest.mark.parametrize(
    "event", ["search", "page_view", "view_item_list", "rate_item", "begin_checkout", "refund", "login"]
)
def test_other_events_weigh_nothing_beside_looks(event):
    assert weights(*LOOKS, (event, "d"), (event, "d")) == {"a": 2, "b": 4, "c": 6, "d": 0}
    found, plain = (
        index(log, vocabulary(log)[0], NeighbourSettings())
        for log in (examples(*LOOKS, (event, "d")), examples(*LOOKS))
    )
    assert len(found.items) == len(plain.items)


def test_a_log_of_ratings_counts_them():
    log = examples(("rate_item", "a"), ("rate_item", "b"), ("search", "c"))
    words, found = vocabulary(log)
    assert dict(zip(words.ids, found.tolist(), strict=True)) == {"a": 2, "b": 2, "c": 0}
    assert len(index(log, words, NeighbourSettings()).items) > 0
