"""The page Paths: steps and frequent paths with conversion, of a segment beside another one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.charts import chart_panel
from gateway.dashboard.figures.live_page import FUNNEL, funnel_panel
from gateway.dashboard.figures.panels import (
    PagePanel,
    WindowChoice,
    clock,
    count_text,
    percent_text,
    table_panel,
)
from models.analytics.analytics_records import FlowCounts, Sketch
from models.analytics.merging import AnalyticsWindow

ALL: Final = "all"
#: What a segment may be compared with, beside other segments.
NOTHING, BEFORE = "nothing", "the window before"
#: Paths of the tree and of the tables; steps of a path that the Sankey shows.
MOST_PATHS, MOST_STEPS = 40, 5
NO_PATHS: Final = "No paths yet: workers publish them on the topic `analytics` when sessions end."
STEP: Final = ">"


class PathChoice(NamedTuple):
    """A segment, and what it is compared with: NOTHING, BEFORE, or another segment."""

    segment: str = ALL
    beside: str = NOTHING


class PathSide(NamedTuple):
    """One side of a comparison."""

    name: str
    flows: FlowCounts
    paths: Sketch


def segments(feed: TopicFeed) -> list[str]:
    """Segments that the topic knows, `all` first."""
    records = feed.broadcasts.analytics.panes.records.values()
    found = {name for one in records for name in (*one.flows, *(one.sketches if one.kind == "paths" else ()))}
    return [ALL, *sorted(found - {ALL})]


def paths_page(feed: TopicFeed, chosen: WindowChoice, choice: PathChoice) -> list[PagePanel]:
    """The panels: of event time, in whole panes."""
    panes = feed.broadcasts.analytics.panes
    if not panes.pane_ms:
        return list(_panels("event time", [PathSide(choice.segment, FlowCounts(), Sketch())]))
    span = 1000 * chosen.seconds
    now = panes.last(span)
    text = f"event time {clock(now.start)} to {clock(now.end)} UTC, in panes of {panes.pane_ms // 1000} s"
    sides = [_side(choice.segment, choice.segment, now)]
    if choice.beside == BEFORE:
        sides.append(_side(BEFORE, choice.segment, panes.last(span, hops=1)))
    elif choice.beside != NOTHING:
        sides.append(_side(choice.beside, choice.beside, now))
    return list(_panels(text, sides))


def _side(name: str, segment: str, found: AnalyticsWindow) -> PathSide:
    return PathSide(name, found.flows.get(segment, FlowCounts()), found.paths.get(segment, Sketch()))


def _panels(text: str, sides: list[PathSide]) -> Iterator[PagePanel]:
    for number, side in enumerate(sides):
        yield _sankey(f"sankey-{number}", f"Steps: {side.name}", text, side.paths)
    for number, side in enumerate(sides):
        yield _tree(f"tree-{number}", f"Tree of frequent paths: {side.name}", text, side.paths)
    yield _compared(text, sides)
    reached = [side.flows.reached for side in sides]
    for number, (side, counts) in enumerate(zip(sides, reached, strict=True)):
        made = funnel_panel(
            {step: counts.get(step, 0) for step in FUNNEL},
            text,
            f"funnel-{number}",
            f"Sessions that reached a step: {side.name}",
        )
        yield made
    yield _steps(text, sides)


def _parts(paths: Sketch) -> list[tuple[tuple[str, ...], int, int]]:
    """The most frequent paths: steps, sessions, and how many of them bought."""
    kept = sorted(paths.counts, key=lambda path: (-paths.counts[path][0], path))[:MOST_PATHS]
    return [(tuple(path.split(STEP)), *paths.counts[path]) for path in kept]


def _sankey(name: str, title: str, text: str, paths: Sketch) -> PagePanel:
    links = Counter[tuple[tuple[int, str], tuple[int, str]]]()
    for steps, sessions, _ in _parts(paths):
        places = list(enumerate(steps[:MOST_STEPS]))
        for one, next_one in pairwise(places):
            links[one, next_one] += sessions
    nodes = sorted({place for link in links for place in link})
    at = {place: number for number, place in enumerate(nodes)}
    ordered = sorted(links)
    trace = {
        "type": "sankey",
        "node": {"label": [event for _, event in nodes], "pad": 14},
        "link": {
            "source": [at[one] for one, _ in ordered],
            "target": [at[other] for _, other in ordered],
            "value": [links[link] for link in ordered],
            # Visible on light and on dark.
            "color": "rgba(128, 140, 155, 0.45)",
        },
    }
    rows = [
        [f"{one[0] + 1}. {one[1]}", f"{other[0] + 1}. {other[1]}", count_text(links[one, other])]
        for one, other in ordered
    ]
    table = (("from", "to", "sessions"), "llr", rows)
    return chart_panel(name, title, text, [trace], table, NO_PATHS, {"height": 380})


def _tree(name: str, title: str, text: str, paths: Sketch) -> PagePanel:
    """An icicle of prefixes; its colour is the share that bought."""
    sessions, bought = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for steps, count, of_it in _parts(paths):
        for length in range(1, len(steps) + 1):
            sessions[steps[:length]] += count
            bought[steps[:length]] += of_it
    prefixes = sorted(sessions, key=lambda steps: (len(steps), steps))
    shares = [bought[steps] / sessions[steps] if sessions[steps] else 0.0 for steps in prefixes]
    trace: dict[str, Any] = {
        "type": "icicle",
        "ids": [STEP.join(steps) for steps in prefixes],
        "labels": [steps[-1] for steps in prefixes],
        "parents": [STEP.join(steps[:-1]) for steps in prefixes],
        "values": [sessions[steps] for steps in prefixes],
        "branchvalues": "total",
        "marker": {
            "colors": shares,
            "colorscale": "Viridis",
            "cmin": 0,
            "showscale": True,
            "colorbar": {"tickformat": ".0%"},
        },
        "text": [percent_text(share) for share in shares],
        "textinfo": "label+value+text",
    }
    rows = [
        [" > ".join(steps), count_text(sessions[steps]), percent_text(share)]
        for steps, share in zip(prefixes, shares, strict=True)
    ]
    table = (("path begins", "sessions", "bought"), "lrr", rows)
    return chart_panel(name, title, text, [trace], table, NO_PATHS, {"height": 380})


def _compared(text: str, sides: list[PathSide]) -> PagePanel:
    paths = dict.fromkeys(path for side in sides for path, *_ in _parts(side.paths))
    rows = [
        [" > ".join(path), *(cell for side in sides for cell in _cells(STEP.join(path), side.paths))]
        for path in paths
    ]
    each = ("sessions", "share", "conversion", "error at most")
    columns = ("path", *(f"{side.name}: {column}" for side in sides for column in each))
    align = "l" + "rrrr" * len(sides)
    return table_panel("paths", "Frequent paths with their conversion", text, columns, align, rows, NO_PATHS)


def _cells(path: str, paths: Sketch) -> list[str]:
    count, bought = paths.counts.get(path, (0, 0))
    share = percent_text(count / paths.total if paths.total else None)
    return [
        count_text(count),
        share,
        percent_text(bought / count if count else None),
        count_text(paths.error),
    ]


def _steps(text: str, sides: list[PathSide]) -> PagePanel:
    """Exact counts of steps; a share is of all steps from the same event."""
    names = sorted({step for side in sides for step in side.flows.steps})
    rows = []
    for step in names:
        cells = []
        for side in sides:
            count, of = side.flows.steps.get(step, 0), _from(side.flows.steps, step.partition(STEP)[0])
            cells += [count_text(count), percent_text(count / of if of else None)]
        rows.append([step.replace(STEP, " > "), *cells])
    columns = ("step", *(f"{side.name}: {column}" for side in sides for column in ("clicks", "share")))
    return table_panel("steps", "Steps, exact", text, columns, "l" + "rr" * len(sides), rows, NO_PATHS)


def _from(steps: Mapping[str, int], event: str) -> int:
    return sum(count for step, count in steps.items() if step.partition(STEP)[0] == event)
