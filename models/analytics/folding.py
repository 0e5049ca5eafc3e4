"""Fold what chunks added into the records of panes, which are bounded whatever comes in.

Exact are all counts of the segments that a pane keeps apart, and of `(other)`, the sum of those beyond. Paths
and trends are sketches. State and topic have the same bytes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from models.analytics.analytics_config import PANE_MS
from models.analytics.analytics_records import (
    KINDS,
    AnalyticsRecord,
    FlowCounts,
    Kind,
    Sketch,
    decode_analytics,
)
from models.analytics.collecting import Added
from models.analytics.heavy_hitters import updated
from models.analytics.merging import FIELDS, merged_flows
from models.analytics.written_out import ALL, OTHER, PaneAdded, Weights, written_out
from models.state import state_keys

#: Most values of a dimension that a partition keeps apart in one pane.
MOST_VALUES: Final = {"device": 8, "channel": 24, "country": 48, "visitor": 2}
#: Keys that sketches keep.
MOST_PATHS: Final = 256
MOST_PATHS_OF_SEGMENT: Final = 64
MOST_TRENDS: Final = {"items": 256, "categories": 128}

Read = Callable[[Sequence[bytes]], Sequence[bytes | None]]


class FoldedRecord(NamedTuple):
    """A record that changed, with its key in the state."""

    key: bytes
    record: AnalyticsRecord


def fold(
    each: Collection[Added], read: Read, partition: int, watermark: int, oldest: int
) -> Iterator[FoldedRecord]:
    """The records that change, given a multi-get of the state.

    What belongs to panes before number `oldest` is dropped: they have expired.
    """
    panes = dict(sorted(written_out(each, oldest).items()))
    places = [(pane, number) for pane in panes for number in range(len(KINDS))]
    keys = [state_keys.analytics_pane(*place) for place in places]
    stored = dict(zip(places, zip(keys, read(keys), strict=True), strict=True))
    for pane, added in panes.items():
        before = [stored[pane, number][1] for number in range(len(KINDS))]
        start = pane * PANE_MS
        place = {"partition": partition, "start": start, "end": start + PANE_MS, "at": watermark}
        for number, record in enumerate(_folded(added, before, place)):
            yield FoldedRecord(stored[pane, number][0], record)


def _folded(
    added: PaneAdded, stored: Sequence[bytes | None], place: Mapping[str, Any]
) -> Iterator[AnalyticsRecord]:
    """The records of one pane, in the order of KINDS."""
    flows, paths, trends = (_stored(value, kind, place) for value, kind in zip(stored, KINDS, strict=True))
    names = _kept_segments(flows.flows, added.flows)
    sums = merged_flows([flows.flows, *({names[one]: flow} for one, flow in added.flows.items())])
    yield AnalyticsRecord(kind="flows", flows={one: _positive(sums[one]) for one in sorted(sums)}, **place)
    most = {one: MOST_PATHS if one == ALL else MOST_PATHS_OF_SEGMENT for one in names.values()}
    sketches = _sketches(paths.sketches, _renamed(added.paths, names), most)
    yield AnalyticsRecord(kind="paths", sketches=sketches, **place)
    sketches = _sketches(trends.sketches, added.trends, MOST_TRENDS)
    yield AnalyticsRecord(kind="trends", sketches=sketches, **place)


def _stored(value: bytes | None, kind: Kind, place: Mapping[str, Any]) -> AnalyticsRecord:
    return AnalyticsRecord(kind=kind, **place) if value is None else decode_analytics(value)


def _kept_segments(known: Mapping[str, FlowCounts], added: Mapping[str, FlowCounts]) -> dict[str, str]:
    """By added segment the one that it counts in: itself, or its dimension's `(other)`.

    A value that was kept stays; of new ones the most frequent come first.
    """
    used = dict.fromkeys(MOST_VALUES, 0)
    for segment in known:
        dimension, _, value = segment.partition("=")
        if value not in ("", OTHER):
            used[dimension] += 1
    names = {ALL: ALL}
    for segment in sorted(added, key=lambda one: (-sum(added[one].events.values()), one)):
        dimension, _, value = segment.partition("=")
        if segment in known or segment == ALL or value == OTHER:
            names[segment] = segment
        elif used[dimension] < MOST_VALUES[dimension]:
            names[segment], used[dimension] = segment, used[dimension] + 1
        else:
            names[segment] = f"{dimension}={OTHER}"
    return names


def _renamed(weights: Mapping[str, Weights], names: Mapping[str, str]) -> dict[str, Weights]:
    made: dict[str, Weights] = {}
    for segment, found in weights.items():
        into = made.setdefault(names[segment], {})
        for key, (weight, bought) in found.items():
            before = into.get(key, (0, 0))
            into[key] = before[0] + weight, before[1] + bought
    return made


def _sketches(
    before: Mapping[str, Sketch], added: Mapping[str, Weights], most: Mapping[str, int]
) -> dict[str, Sketch]:
    made = dict(before) | {
        name: updated(before.get(name, Sketch()), weights, most[name]) for name, weights in added.items()
    }
    return {name: made[name] for name in sorted(made)}


def _positive(flow: FlowCounts) -> FlowCounts:
    """Without counters of 0; a session that ended before there were analytics may be taken back."""
    each = (getattr(flow, name) for name in FIELDS)
    return FlowCounts(*({name: one for name, one in counts.items() if one > 0} for counts in each))
