"""The page Live: clicks and answers a second, latency, lag, funnel, intent, dead letters."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from gateway.dashboard.feeds.answer_counts import BANDS
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.charts import bars, chart_panel, lines
from gateway.dashboard.figures.panels import (
    NamedFigure,
    PagePanel,
    WindowChoice,
    clock,
    count_text,
    decimal_text,
    figures_panel,
    percent_text,
    table_panel,
)

#: Steps of the funnel.
FUNNEL: Final = ("view_item", "add_to_cart", "begin_checkout", "purchase")
NO_CLICKS: Final = (
    "No clicks in this window: send some (`pathcast replay`, `make demo`), or choose a longer one."
)
NO_ANSWERS: Final = "No answers in this window: is a worker running (`pathcast worker`)?"
NO_LETTERS: Final = "No input was refused in this window. Nothing to do."


def live_page(feed: TopicFeed, chosen: WindowChoice, may_see_inputs: bool) -> list[PagePanel]:
    """The panels. `may_see_inputs`: also the beginnings of refused inputs, which may name people."""
    return [
        _now(feed, chosen),
        _flow(feed, chosen),
        *_answers(feed, chosen),
        *_letters(feed, chosen, may_see_inputs),
    ]


def _now(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    answers, window = feed.answers, chosen.window
    volume = answers.volume.total(window)
    clicks = volume["clicks",]
    refused = sum(feed.refusals.counts.total(window).values())
    p50, p99 = answers.latency.quantile(window, 0.5), answers.latency.quantile(window, 0.99)
    lag = sum(feed.lag.values()) if feed.lag else None
    found = [
        NamedFigure("clicks a second", decimal_text(clicks / chosen.length, 1), clicks / chosen.length),
        NamedFigure("clicks", count_text(clicks), clicks),
        NamedFigure(
            "answers a second",
            decimal_text(volume["answers",] / chosen.length, 1),
            volume["answers",] / chosen.length,
        ),
        NamedFigure("answered clicks", count_text(volume["answers",]), volume["answers",]),
        NamedFigure("latency p50", _ms(p50), p50),
        NamedFigure("latency p99", _ms(p99), p99),
        NamedFigure("lag now, clicks", count_text(lag), lag),
        NamedFigure("dead letters", count_text(refused), refused),
    ]
    note = "Latency: from the click's record to its answer's. Lag: clicks that workers have not committed."
    return figures_panel("now", "Traffic", chosen.text, found, note)


def _flow(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    volume = feed.answers.volume
    series = {
        "clicks": volume.series(chosen.window, ("clicks",)),
        "answers": volume.series(chosen.window, ("answers",)),
    }
    return lines("flow", "Clicks and answers a second", chosen.text, series, "a second", NO_CLICKS)


def _answers(feed: TopicFeed, chosen: WindowChoice) -> Iterator[PagePanel]:
    yield funnel_panel(events_of(feed, chosen), chosen.text)
    intents = feed.answers.intents.total(chosen.window)
    share = {f"{band / BANDS:.2f}": intents["band", band] for band in range(BANDS)}
    yield bars(
        "intent", "Purchase probability of answers", chosen.text, share, "probability from", NO_ANSWERS
    )
    tiers = {name[1]: count for name, count in intents.items() if name[0] == "rung"}
    named = {str(key): tiers[key] for key in sorted(tiers, key=str)}
    yield bars("tiers", "Answers by fallback tier", chosen.text, named, "tier", NO_ANSWERS)


def events_of(feed: TopicFeed, chosen: WindowChoice) -> dict[str, int]:
    """Answered clicks by event: of the placement with the most decisions, one for each click."""
    by_placement: dict[str, dict[str, int]] = {}
    for name, count in feed.answers.decisions.total(chosen.window).items():
        if name[0] == "event":
            by_placement.setdefault(name[1], {})[name[2]] = int(count)
    return max(by_placement.values(), key=lambda counts: sum(counts.values()), default={})


def funnel_panel(
    events: Mapping[str, int], window: str, name: str = "funnel", title: str = "Funnel of clicks"
) -> PagePanel:
    """Counts of each step of the funnel, and how many of the step before follow."""
    counts = [events.get(step, 0) for step in FUNNEL]
    kept = [
        None,
        *(now / before if before else None for before, now in pairwise(counts)),
    ]
    rows = [
        [step, count_text(count), percent_text(share), percent_text(None if share is None else 1 - share)]
        for step, count, share in zip(FUNNEL, counts, kept, strict=True)
    ]
    trace = {
        "type": "funnel",
        "y": list(FUNNEL),
        "x": counts,
        "textinfo": "value+percent previous",
        "textfont": {"size": 12},
    }
    columns = ("step", "count", "of the step before", "drop-off")
    layout = {"margin": {"l": 110}}
    table = (columns, "lrrr", rows if any(counts) else [])
    return chart_panel(name, title, window, [trace], table, NO_ANSWERS, layout)


def _letters(feed: TopicFeed, chosen: WindowChoice, may_see_inputs: bool) -> Iterator[PagePanel]:
    reasons = feed.refusals.counts.total(chosen.window)
    rows = [[str(name[0]), count_text(count)] for name, count in reasons.most_common()]
    yield table_panel(
        "reasons", "Dead letters by reason", chosen.text, ("reason", "records"), "lr", rows, NO_LETTERS
    )
    columns = ["time (UTC)", "reason", "message", "source", "bytes", *["input begins"] * may_see_inputs]
    samples = [
        [
            clock(one.at),
            one.reason,
            one.message,
            one.source,
            count_text(one.size),
            *[one.begins] * may_see_inputs,
        ]
        for one in feed.refusals.samples()
    ]
    align = "llllr" + "l" * may_see_inputs
    title, latest = "Latest dead letters", "the latest of each reason since reading began"
    yield table_panel("samples", title, latest, columns, align, samples, NO_LETTERS)


def _ms(value: int | None) -> str:
    return "–" if value is None else f"{value:,} ms"
