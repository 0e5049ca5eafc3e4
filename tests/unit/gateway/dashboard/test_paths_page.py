"""The page Paths: sums over partitions and panes of the topic `analytics`, beside another segment or time."""

import msgspec
import pytest

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.panels import WindowChoice
from gateway.dashboard.figures.paths_page import BEFORE, PathChoice, paths_page, segments
from models.analytics.analytics_records import AnalyticsRecord, FlowCounts, Sketch
from tests.dashboard_records import NOW, record

PANE = 300_000
START = NOW // PANE * PANE


def analytics(partition, start, kind, **fields):
    made = AnalyticsRecord(partition=partition, kind=kind, start=start, end=start + PANE, at=start, **fields)
    return record(NOW, msgspec.json.encode(made), f"{partition}:{start}:{kind}".encode())


def flows(times):
    counts = FlowCounts(steps={"view_item>add_to_cart": 3 * times, "view_item>view_item": times})
    return {"all": counts, "device=mobile": FlowCounts(steps={"view_item>view_item": times})}


def paths(times):
    counts = {"view_item>add_to_cart>purchase": (4 * times, 4 * times), "view_item": (6 * times, 0)}
    sketch = Sketch(counts, error=1, total=11 * times, bought=4 * times)
    return {"all": sketch, "device=mobile": Sketch({"view_item": (times, 0)}, total=times)}


@pytest.fixture
def feed():
    made = TopicFeed()
    records = []
    for partition in (0, 1):
        for start, times in ((START - PANE, 1), (START, 10)):
            records.append(analytics(partition, start, "flows", flows=flows(times)))
            records.append(analytics(partition, start, "paths", sketches=paths(times)))
    made.take("analytics", NOW, [*records, record(NOW, b"{", b"broken")])
    return made


def panel(feed, name, choice=PathChoice(), seconds=300):  # noqa: B008
    chosen = WindowChoice(feed.window(NOW, seconds), seconds)
    return next(one for one in paths_page(feed, chosen, choice) if one.id == name)


def test_paths_are_summed_over_partitions_of_the_latest_pane(feed):
    rows = panel(feed, "paths").rows
    assert rows[0] == ["view_item", "120", "54.5%", "0.0%", "2"]
    assert rows[1] == ["view_item > add_to_cart > purchase", "80", "36.4%", "100.0%", "2"]


def test_longer_windows_sum_panes(feed):
    assert panel(feed, "paths", seconds=600).rows[0][1] == "132"


def test_steps_are_exact_with_shares_of_the_event_before(feed):
    assert panel(feed, "steps").rows == [
        ["view_item > add_to_cart", "60", "75.0%"],
        ["view_item > view_item", "20", "25.0%"],
    ]


def test_the_sankey_has_a_node_for_each_place_of_a_path(feed):
    found = panel(feed, "sankey-0").rows
    assert found == [
        ["1. view_item", "2. add_to_cart", "80"],
        ["2. add_to_cart", "3. purchase", "80"],
    ]


def test_the_tree_adds_up_and_says_what_bought(feed):
    rows = panel(feed, "tree-0").rows
    assert rows[0] == ["view_item", "200", "40.0%"]
    assert rows[-1] == ["view_item > add_to_cart > purchase", "80", "100.0%"]


@pytest.mark.parametrize(("beside", "sessions"), [(BEFORE, "12"), ("device=mobile", "20")])
def test_two_sides_stand_beside_each_other(feed, beside, sessions):
    rows = panel(feed, "paths", PathChoice("all", beside)).rows
    assert (rows[0][1], rows[0][5]) == ("120", sessions)
    assert panel(feed, "sankey-1", PathChoice("all", beside)).title == f"Steps: {beside}"


def test_segments_are_those_of_the_topic(feed):
    assert segments(feed) == ["all", "device=mobile"]
    assert feed.broadcasts.analytics.unreadable == 1
    assert panel(feed, "paths", PathChoice("device=nonsense")).empty


def test_without_records_the_page_says_what_to_do():
    assert all(one.empty for one in paths_page(TopicFeed(), WindowChoice(feed_window(), 300), PathChoice()))


def feed_window():
    return TopicFeed().window(NOW, 300)
