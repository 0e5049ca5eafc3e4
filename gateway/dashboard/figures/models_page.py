"""The page Models: versions across workers, promotion reports, calibration, quality by click, drift."""

from collections.abc import Iterator, Mapping
from math import log
from typing import Any, Final

from gateway.dashboard.feeds.answer_counts import BANDS
from gateway.dashboard.feeds.matured_sessions import RELIABILITY_BANDS, Matured
from gateway.dashboard.feeds.time_buckets import Window
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.charts import chart_panel
from gateway.dashboard.figures.panels import (
    NamedFigure,
    PagePanel,
    WindowChoice,
    count_text,
    day_and_time,
    decimal_text,
    figures_panel,
    percent_text,
    table_panel,
)

NO_WORKERS: Final = "No worker has reported: start one (`pathcast worker`), and announce a version."
NO_OUTCOMES: Final = (
    "No outcome is known in this window: one becomes known when the visitor buys, or when the session has "
    "been silent for its gap (PATHCAST_SESSION_GAP_MINUTES, event time). Choose a longer window."
)
_SAYS: Final = {"in_use": "uses", "refused": "refused", "shadow": "compares"}
#: A share below this counts as this, because an empty band would make the index infinite.
_LEAST_SHARE: Final = 5e-4


def models_page(feed: TopicFeed, chosen: WindowChoice) -> list[PagePanel]:
    """The panels of what the topics say; those of the registry are in `registry_panels`."""
    return [_summary(feed, chosen), _workers(feed), _answered(feed, chosen), *_calibration(feed, chosen)]


def _summary(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    bands = feed.answers.sessions.by(chosen.window, "band")
    known, moved = sum(one.clicks for one in bands.values()), drift(feed, chosen.window)
    brier = sum(one.squares for one in bands.values()) / known if known else None
    error = calibration_error(bands)
    found = [
        NamedFigure("known outcomes", count_text(known), known),
        NamedFigure("Brier score", decimal_text(brier, 4), brier),
        NamedFigure("calibration error", decimal_text(error, 4), error),
        NamedFigure("drift of probabilities (PSI)", decimal_text(moved, 3), moved),
        NamedFigure(
            "sessions under way", count_text(feed.answers.sessions.under_way), feed.answers.sessions.under_way
        ),
    ]
    note = (
        "Drift compares the window's second half with its first (population stability index; above 0.25 is a "
        "large change). Outcomes become known later than their clicks: clicks before the window count, too."
    )
    return figures_panel("quality", "Purchase probability against outcomes", chosen.text, found, note)


def drift(feed: TopicFeed, window: Window) -> float | None:
    """The population stability index of purchase probabilities between both halves of a window."""
    middle = (window.start + window.end) // 2
    halves = Window(window.start, middle), Window(middle, window.end)
    held = [feed.answers.intents.total(half) for half in halves]
    first, second = ([counts["band", band] for band in range(BANDS)] for counts in held)
    return stability(first, second)


def stability(reference: list[int], found: list[int]) -> float | None:
    """The index between two histograms of the same bands; None where one is empty."""
    if not sum(reference) or not sum(found):
        return None
    shares = [[max(_LEAST_SHARE, count / sum(counts)) for count in counts] for counts in (reference, found)]
    pairs = zip(*shares, strict=True)
    return float(sum((q - p) * log(q / p) for p, q in pairs))


def calibration_error(bands: Mapping[int, Matured]) -> float | None:
    """Expected calibration error: mean distance of probability and share of buyers, by band."""
    known = sum(one.clicks for one in bands.values())
    return sum(abs(one.expected - one.bought) for one in bands.values()) / known if known else None


def _workers(feed: TopicFeed) -> PagePanel:
    reports = sorted(feed.broadcasts.reports.held.values(), key=lambda one: (one.worker, one.kind, -one.at))
    rows = [
        [
            one.worker,
            _SAYS[one.kind],
            one.version,
            one.placement or "model",
            day_and_time(one.at),
            f"{one.refusal}: {one.message}" if one.kind == "refused" else f"before: {one.incumbent}",
        ]
        for one in reports
    ]
    columns = ("worker", "does", "version", "of", "since (UTC)", "details")
    return table_panel("workers", "Versions across workers", "now", columns, "llllll", rows, NO_WORKERS)


def _answered(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    held = feed.answers.intents.total(chosen.window)
    versions = sorted(name[1] for name in held if name[0] == "version")
    total = sum(held["version", version] for version in versions)
    rows = [
        [version, count_text(held["version", version]), percent_text(held["version", version] / total)]
        for version in versions
    ]
    empty = "No answers in this window: is a worker running (`pathcast worker`)?"
    columns = ("version", "answers", "share")
    return table_panel("versions", "Answers by version", chosen.text, columns, "lrr", rows, empty)


def _calibration(feed: TopicFeed, chosen: WindowChoice) -> Iterator[PagePanel]:
    sessions = feed.answers.sessions
    bands = sessions.by(chosen.window, "band")
    expected = [one.expected / one.clicks for one in bands.values()]
    bought = [one.bought / one.clicks for one in bands.values()]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "calibrated",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"dash": "dot"},
        },
        {"type": "scatter", "mode": "lines+markers", "name": "found", "x": expected, "y": bought},
    ]
    names = [f"{band / RELIABILITY_BANDS:.1f} to {(band + 1) / RELIABILITY_BANDS:.1f}" for band in bands]
    rows = _matured_rows(dict(zip(names, bands.values(), strict=True)))
    columns = ("probability", "clicks", "expected", "bought later", "Brier score")
    layout = {"xaxis": {"title": {"text": "mean probability"}}, "yaxis": {"title": {"text": "bought later"}}}
    yield chart_panel(
        "reliability",
        "Reliability diagram",
        chosen.text,
        traces,
        (columns, "lrrrr", rows),
        NO_OUTCOMES,
        layout,
    )
    positions = {f"from {first}": one for first, one in sessions.by(chosen.window, "position").items()}
    columns = ("click of the session", *columns[1:])
    rows = _matured_rows(positions)
    yield table_panel(
        "positions", "Quality by click of the session", chosen.text, columns, "lrrrr", rows, NO_OUTCOMES
    )


def _matured_rows(found: Mapping[str, Matured]) -> list[list[str]]:
    return [
        [
            name,
            count_text(one.clicks),
            percent_text(one.expected / one.clicks),
            percent_text(one.bought / one.clicks),
            decimal_text(one.squares / one.clicks, 4),
        ]
        for name, one in found.items()
    ]
