"""Records of partitions and panes sum to windows: the sum of all is that of any division into windows."""

import pytest

from models.analytics.analytics_records import (
    AnalyticsRecord,
    FlowCounts,
    Sketch,
    analytics_key,
    encode_analytics,
)
from models.analytics.merging import AnalyticsPanes, WindowError, windows

PANE = 600_000
T = 2_000_000 * PANE


def flows(partition, pane, count):
    segments = {"all": FlowCounts(events={"search": count}), "device=tv": FlowCounts(sessions={"ended": 1})}
    return record("flows", partition, pane, flows=segments)


def record(kind, partition, pane, **fields):
    start = T + pane * PANE
    return AnalyticsRecord(
        partition=partition, kind=kind, start=start, end=start + PANE, at=start + 1, **fields
    )


def taken(*records):
    panes = AnalyticsPanes()
    for one in records:
        panes.take(analytics_key(one.partition, one.start, one.kind), encode_analytics(one))
    return panes


def searches(window):
    return window.flows["all"].events["search"]


def test_partitions_and_panes_add_up():
    window = taken(flows(0, 0, 2), flows(1, 0, 3), flows(0, 1, 5)).last(2 * PANE)
    assert searches(window) == 10
    assert window.flows["device=tv"].sessions == {"ended": 3}
    assert (window.start, window.end, window.partitions) == (T, T + 2 * PANE, {0, 1})


def test_a_later_record_of_a_key_replaces_the_earlier_and_an_empty_one_deletes():
    panes = taken(flows(0, 0, 2), flows(0, 0, 7), flows(0, 1, 1))
    panes.take(analytics_key(0, T + PANE, "flows"), None)
    assert searches(panes.last(PANE)) == 7
    assert panes.reached == T + PANE + 1


def test_sketches_add_up_by_segment_and_name():
    panes = taken(
        record("paths", 0, 0, sketches={"all": Sketch({"a>b": (2, 1)}, 1, 4, 1)}),
        record("paths", 1, 0, sketches={"all": Sketch({"a>b": (1, 0), "b": (1, 1)}, 0, 2, 1)}),
        record("trends", 1, 0, sketches={"items": Sketch({"i1": (3, 0)}, 0, 3, 0)}),
    )
    window = panes.last(1)
    assert window.paths["all"] == Sketch({"a>b": (3, 1), "b": (1, 1)}, 1, 6, 2)
    assert window.trends["items"].counts == {"i1": (3, 0)}


def test_tumbling_windows_divide_what_there_is_and_hopping_ones_repeat_it():
    panes = taken(*(flows(pane % 2, pane, 1) for pane in range(7)))
    assert sum(map(searches, windows(panes, 2 * PANE, 2 * PANE))) == 7
    hopping = list(windows(panes, 3 * PANE, PANE))
    assert [searches(one) for one in hopping] == [1, 2, 3, 3, 3, 3, 3, 2, 1]
    assert {one.end - one.start for one in hopping} == {3 * PANE}


@pytest.mark.parametrize(("span", "hop"), [(PANE, 2 * PANE), (PANE + 1, PANE), (PANE, PANE // 2)])
def test_windows_that_panes_cannot_make_are_refused(span, hop):
    with pytest.raises(WindowError, match="multiples of a pane"):
        list(windows(taken(flows(0, 0, 1)), span, hop))


def test_without_records_the_error_says_what_to_do():
    with pytest.raises(WindowError, match="send clicks"):
        AnalyticsPanes().last(PANE)
