"""Read the topic `analytics`: records of partitions and panes, summed to windows of any length.

A window is a whole number of panes. Tumbling windows follow each other; hopping ones overlap.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from models.analytics.analytics_records import (
    KINDS,
    AnalyticsRecord,
    Counts,
    FlowCounts,
    Sketch,
    decode_analytics,
)
from models.analytics.heavy_hitters import merged_sketches
from models.errors import PathcastError

FIELDS: Final = FlowCounts.__struct_fields__


class WindowError(PathcastError):
    """A window that cannot be made of the panes."""


class AnalyticsWindow(NamedTuple):
    """All partitions in [start, end), event time in epoch ms: exact flows and sketches of paths by segment.

    `trends` are the sketches of `items` and `categories`. `partitions` have records in the window.
    """

    start: int
    end: int
    flows: dict[str, FlowCounts]
    paths: dict[str, Sketch]
    trends: dict[str, Sketch]
    partitions: frozenset[int]


class AnalyticsPanes:
    """The latest records of the topic by key. `take` follows the topic, windows are sums of what is held."""

    def __init__(self) -> None:
        self.records: dict[bytes, AnalyticsRecord] = {}
        #: Latest event time that any partition told of (epoch ms), 0: none.
        self.reached = 0

    def take(self, key: bytes, value: bytes | None) -> None:
        """A record of the topic; None deletes. Raises msgspec.DecodeError."""
        if value is None:
            self.records.pop(key, None)
            return
        record = self.records[key] = decode_analytics(value)
        self.reached = max(self.reached, record.at)

    @property
    def pane_ms(self) -> int:
        """The longest pane held, 0: there is none. Workers may have been set to another length meanwhile."""
        return max((one.end - one.start for one in self.records.values()), default=0)

    def window(self, start: int, end: int) -> AnalyticsWindow:
        """The sum of all panes that begin in [start, end)."""
        return window_of((one for one in self.records.values() if start <= one.start < end), start, end)

    def last(self, span_ms: int, hops: int = 0, hop_ms: int = 0) -> AnalyticsWindow:
        """The window of `span_ms` that ends with the newest pane, or `hops` times `hop_ms` before it.

        A hop of 0 is as long as the window. Spans are rounded up to whole panes. Raises WindowError if there
        is no pane.
        """
        width = self.pane_ms
        if not width:
            raise WindowError(
                "there are no analytics yet: expected records of workers on the topic; send clicks "
                "(pathcast replay) while a worker runs"
            )
        end = max(one.end for one in self.records.values())
        end -= hops * whole_panes(hop_ms or span_ms, width)
        return self.window(end - whole_panes(span_ms, width), end)


def whole_panes(span_ms: int, pane_ms: int) -> int:
    """The span rounded up to whole panes, at least one."""
    return max(1, -(-span_ms // pane_ms)) * pane_ms


def windows(panes: AnalyticsPanes, span_ms: int, hop_ms: int) -> Iterator[AnalyticsWindow]:
    """All windows of `span_ms`, one each `hop_ms`, oldest first; tumbling ones where both are equal.

    Their starts are multiples of `hop_ms`. Raises WindowError unless both are whole panes.
    """
    width = panes.pane_ms
    if width and (hop_ms < width or span_ms < hop_ms or span_ms % width or hop_ms % width):
        raise WindowError(
            f"windows of {span_ms} ms each {hop_ms} ms: expected multiples of a pane ({width} ms), and no "
            "hop longer than its window"
        )
    starts = [one.start for one in panes.records.values()]
    first, last = min(starts, default=0), max(starts, default=-1)
    for start in range((first - span_ms) // hop_ms * hop_ms + hop_ms, last + 1, hop_ms):
        made = panes.window(start, start + span_ms)
        if made.partitions:
            yield made


def window_of(records: Iterable[AnalyticsRecord], start: int, end: int) -> AnalyticsWindow:
    """The sum of records of any partitions and panes."""
    by_kind: dict[str, list[AnalyticsRecord]] = {kind: [] for kind in KINDS}
    for record in records:
        by_kind[record.kind].append(record)
    return AnalyticsWindow(
        start,
        end,
        merged_flows([one.flows for one in by_kind["flows"]]),
        _sketches(by_kind["paths"]),
        _sketches(by_kind["trends"]),
        frozenset(one.partition for found in by_kind.values() for one in found),
    )


def merged_flows(each: Iterable[Mapping[str, FlowCounts]]) -> dict[str, FlowCounts]:
    """The sum of exact counts by segment."""
    made: dict[str, FlowCounts] = {}
    for flows in each:
        for segment, flow in flows.items():
            into = made.setdefault(segment, FlowCounts(*({} for _ in FIELDS)))
            for name in FIELDS:
                add_counts(getattr(into, name), getattr(flow, name))
    return made


def add_counts(into: Counts, more: Mapping[str, int]) -> None:
    """Add counters by name."""
    for name, count in more.items():
        into[name] = into.get(name, 0) + count


def _sketches(records: Iterable[AnalyticsRecord]) -> dict[str, Sketch]:
    found: dict[str, list[Sketch]] = {}
    for record in records:
        for name, sketch in record.sketches.items():
            found.setdefault(name, []).append(sketch)
    return {name: merged_sketches(each) for name, each in found.items()}
