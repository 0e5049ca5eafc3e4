"""What `pathcast paths` shows of a window, as plain values: the same for JSON and for tables."""

from typing import Any

import msgspec

from models.analytics.analytics_records import FlowCounts, Pair, Sketch
from models.analytics.heavy_hitters import rest
from models.analytics.merging import AnalyticsWindow
from models.analytics.trending import trending
from models.analytics.written_out import ALL


class PathRow(msgspec.Struct, frozen=True):
    """A path's sessions and purchases; `conversion` is None where nothing is known of its sessions."""

    path: str
    sessions: int
    bought: int
    conversion: float | None


class SegmentValues(msgspec.Struct, frozen=True):
    """One segment: exact counts; its most frequent paths, each at most `error` sessions more.

    `other_paths` are sessions of all other paths, and how many of them bought.
    """

    segment: str
    flows: FlowCounts
    paths: list[PathRow]
    error: int
    other_paths: Pair


class WindowValues(msgspec.Struct, frozen=True):
    """A window (epoch ms), the partitions that have counted in it, segments, and trends by kind."""

    start: int
    end: int
    partitions: list[int]
    segments: list[SegmentValues]
    trends: dict[str, list[dict[str, Any]]]


def values_of(window: AnalyticsWindow, before: AnalyticsWindow, by: str | None, limit: int) -> WindowValues:
    """The values of `all`, or of each segment of the dimension `by`, those with the most clicks first."""
    names = [ALL] if by is None else [name for name in window.flows if name.startswith(f"{by}=")]
    names.sort(key=lambda name: (-sum(window.flows[name].events.values()), name))
    trends = {
        kind: [one._asdict() for one in trending(sketch, before.trends.get(kind, Sketch()), limit)]
        for kind, sketch in sorted(window.trends.items())
    }
    segments = [_segment(window, name, limit) for name in names[:limit]]
    return WindowValues(window.start, window.end, sorted(window.partitions), segments, trends)


def _segment(window: AnalyticsWindow, name: str, limit: int) -> SegmentValues:
    sketch = window.paths.get(name, Sketch())
    frequent = sorted(sketch.counts.items(), key=lambda one: (-one[1][0], one[0]))[:limit]
    shown = Sketch(dict(frequent), sketch.error, sketch.total, sketch.bought)
    rows = [PathRow(path, *pair, share(pair[1], pair[0])) for path, pair in frequent]
    return SegmentValues(name, window.flows.get(name, FlowCounts()), rows, sketch.error, rest(shown))


def share(part: int, whole: int) -> float | None:
    """The part of the whole; None of nothing."""
    return part / whole if whole else None


def json_text(values: WindowValues) -> str:
    """The values as readable JSON."""
    return msgspec.json.format(msgspec.json.encode(values)).decode()
