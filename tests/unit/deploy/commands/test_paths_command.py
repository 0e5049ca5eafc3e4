"""`pathcast paths` shows what a pipeline has published, in tables and as JSON."""

import json

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster import analytics_topic
from models.analytics.merging import AnalyticsPanes
from tests.offline import Offline, processing_config, records

START = 1_700_000_400_000
MINUTE = 60_000
HOSTILE = "[bold]x[/]\x1b[31m"


@pytest.fixture
def panes(monkeypatch):
    """Two hours of a shop: in the first nobody looks at `i9`, in the second everybody does."""
    made = AnalyticsPanes()
    monkeypatch.setattr(analytics_topic, "read_analytics", lambda: made)
    return made


def fill(panes):
    offline, number = Offline(rules=processing_config(analytics_seconds=0.0)), 0
    for minute in range(0, 120, 4):
        visitor, item = f"v{minute}", "i9" if minute >= 60 else f"i{minute % 3}"
        shared = {"visitor_id": visitor, "item_id": item, "device": ("mobile", HOSTILE)[minute % 8 == 0]}
        events = [("view_item", 0), ("add_to_cart", 1), *[("purchase", 2)] * (minute % 8 == 0)]
        clicks = [
            {**shared, "event": event, "event_id": f"e{number + at}", "ts": START + (minute + at) * MINUTE}
            for event, at in events
        ]
        number += len(clicks)
        follow(panes, offline.process(records(clicks)))
    follow(panes, offline.process([], START + 200 * MINUTE))


def follow(panes, effects):
    for key, value, _ in effects.routed.get(("analytics", 0), ()):
        panes.take(key, value)


def run(*options):
    return CliRunner().invoke(main, ["paths", *options])


def test_json_has_all_figures_of_the_window(panes):
    fill(panes)
    found = json.loads(run("--last", "4h", "--json").output)
    (everything,) = found["segments"]
    assert everything["segment"] == "all"
    assert everything["flows"]["sessions"]["ended"] == 30
    assert everything["flows"]["reached"]["add_to_cart"] == 30
    assert everything["paths"] == [
        {"path": "view_item>add_to_cart", "sessions": 30, "bought": 15, "conversion": 0.5}
    ]
    assert (everything["error"], everything["other_paths"], found["partitions"]) == (0, [0, 0], [0])


def test_segments_of_a_dimension_stand_side_by_side(panes):
    fill(panes)
    found = json.loads(run("--last", "4h", "--by", "device", "--json").output)
    bought = {one["segment"]: one["flows"]["sessions"].get("bought", 0) for one in found["segments"]}
    assert bought == {f"device={HOSTILE}": 15, "device=mobile": 0}


def test_trends_are_against_the_window_before(panes):
    fill(panes)
    trends = json.loads(run("--last", "1h", "--json").output)["trends"]["items"]
    assert [one["key"] for one in trends] == ["i9"]
    assert trends[0]["before"] == 0
    earlier = json.loads(run("--last", "1h", "--ago", "1h", "--json").output)
    assert "i9" not in [one["key"] for one in earlier["trends"]["items"]]


def test_tables_name_the_window_and_leave_text_as_it_is(panes):
    fill(panes)
    shown = run("--last", "4h", "--by", "device")
    assert shown.exit_code == 0
    assert "Funnel: 2023-11-1" in shown.output
    assert "view_item>add_to_cart" in shown.output
    assert "[bold]x[/]" in shown.output
    assert "\x1b" not in shown.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--last", "soon"], "no length of time"),
        (["--last", "0h"], "no length of time"),
        (["--by", "shoe"], "Invalid value for '--by'"),
    ],
)
def test_wrong_options_are_refused(panes, options, said):
    refused = run(*options)
    assert refused.exit_code == 2
    assert said in refused.output


def test_an_empty_topic_and_an_empty_window_say_what_to_do(panes):
    nothing = run()
    assert (nothing.exit_code, "send clicks" in nothing.output) == (1, True)
    fill(panes)
    nowhere = run("--ago", "9d")
    assert (nowhere.exit_code, "choose a longer one" in nowhere.output) == (1, True)
