"""Analytics of real logs against exact counts: flows equal, sketches within the error that they state."""

from collections import Counter

import pytest

from models.analytics import folding
from models.analytics.folding import MOST_VALUES
from models.analytics.written_out import path_of
from tests import analytics_logs

CLICKS = 60_000


@pytest.fixture(scope="module", params=["shipped", "gstore"])
def log(request):
    """Clicks, and what chunks of them count."""
    clicks = analytics_logs.shipped() if request.param == "shipped" else analytics_logs.gstore(CLICKS)
    return clicks, analytics_logs.Counted(clicks)


def exact_paths(counted):
    sessions, bought = Counter(), Counter()
    for ended in counted.ended:
        path = path_of(ended.visit.path, ended.visit.cut)
        sessions[path] += 1
        bought[path] += ended.visit.purchases > 0
    return sessions, bought


def test_flows_are_exact(log):
    clicks, counted = log
    window = analytics_logs.folded(counted.added)
    everything = window.flows["all"]
    assert everything.events == Counter(click.event for click in clicks)
    assert everything.sessions["started"] == everything.sessions["ended"] == len(counted.ended)
    assert everything.sessions["bought"] == sum(one.visit.purchases > 0 for one in counted.ended)
    assert sum(everything.steps.values()) + everything.sessions["started"] == len(clicks)
    for dimension in MOST_VALUES:
        flows = [flow for name, flow in window.flows.items() if name.startswith(f"{dimension}=")]
        assert sum(sum(flow.events.values()) for flow in flows) == len(clicks)
        assert sum(flow.sessions.get("ended", 0) for flow in flows) == len(counted.ended)


@pytest.mark.parametrize("most", [8, 256])
def test_paths_are_within_their_error(log, most, monkeypatch):
    monkeypatch.setattr(folding, "MOST_PATHS", most)
    _, counted = log
    sketch = analytics_logs.folded(counted.added).paths["all"]
    sessions, bought = exact_paths(counted)
    assert (sketch.total, sketch.bought) == (sum(sessions.values()), sum(bought.values()))
    assert sketch.error <= len(counted.ended) / (most + 1) + 1e-9
    for path, number in sessions.items():
        weight, of_it = sketch.counts.get(path, (0, 0))
        assert weight <= number <= weight + sketch.error
        assert of_it <= bought[path] <= of_it + sketch.error


def test_partitions_add_up_to_the_whole(log):
    clicks, counted = log
    halves = [[one for one in clicks if hash_of(one) % 2 == half] for half in (0, 1)]
    counts = [analytics_logs.Counted(half) for half in halves]
    parts = [analytics_logs.folded(one.added, number) for number, one in enumerate(counts)]
    whole = analytics_logs.folded(counted.added).flows["all"]
    for name in ("events", "steps", "reached"):
        sums = Counter()
        for part in parts:
            sums.update(getattr(part.flows["all"], name))
        assert sums == getattr(whole, name)


def hash_of(click):
    return sum(click.visitor_id.encode())
