"""The page Quality: fields that were missing, changed or filled, unknown events, clocks, duplicates, late."""

from collections import Counter
from typing import Final

from gateway.dashboard.feeds.answer_counts import CHANGES
from gateway.dashboard.feeds.refused_inputs import EVENT_MESSAGE
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.worker_counters import WORKER_COUNTERS
from gateway.dashboard.figures.panels import (
    NamedFigure,
    PagePanel,
    WindowChoice,
    count_text,
    figures_panel,
    percent_text,
    table_panel,
)
from models.contract.events import Reason

NO_CHANGES: Final = "No field of an answered click was changed in this window. Nothing to do."
NO_UNKNOWN: Final = "No event with an unknown name in this window. Nothing to do."
NO_WORKERS: Final = "No worker's metrics can be read: check PATHCAST_GATEWAY_WORKERS."


def quality_page(feed: TopicFeed, chosen: WindowChoice) -> list[PagePanel]:
    """The panels."""
    return [_refused(feed, chosen), _changes(feed, chosen), _messages(feed, chosen), _workers(feed)]


def _refused(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    reasons, volume = feed.refusals.counts.total(chosen.window), feed.answers.volume.total(chosen.window)
    fields = feed.answers.fields.total(chosen.window)
    other, sealed = (
        volume["clicks", "other form"],
        sum(count for name, count in volume.items() if name[0] == "unreadable"),
    )
    found = {
        "late clicks": reasons[Reason.LATE,],
        "refused for their clock": reasons[Reason.SKEWED,],
        "taken in order of arrival": fields["by_arrival", "ts"],
        "malformed": reasons[Reason.MALFORMED,],
        "invalid": reasons[Reason.INVALID,],
        "clicks in other forms": other,
        "answers that cannot be read": sealed,
    }
    named = [NamedFigure(name, count_text(count), count) for name, count in found.items()]
    note = "Answers cannot be read here where they are sealed: then figures of answers are left out."
    return figures_panel("refused", "Inputs", chosen.text, named, note)


def _changes(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    held, volume = feed.answers.fields.total(chosen.window), feed.answers.volume.total(chosen.window)
    answered = volume["answers",]
    fields = sorted({name[1] for name in held if len(name) == 2})
    rows = []
    for field in fields:
        counts = [held[kind, field] for kind in CHANGES]
        share = percent_text(sum(counts) / answered) if answered else percent_text(None)
        rows.append([str(field), *map(count_text, counts), share])
    columns = (
        "field",
        "dropped: unreadable",
        "clipped",
        "filled: missing, from the catalogue",
        "by arrival",
        "of answered clicks",
    )
    return table_panel(
        "changes", "Fields that were changed", chosen.text, columns, "lrrrrr", rows, NO_CHANGES
    )


def _messages(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    found = Counter[str]()
    for name, count in feed.refusals.messages.total(chosen.window).items():
        if name[-1].startswith(EVENT_MESSAGE):
            found[name[-1]] += int(count)
    rows = [[message, count_text(count)] for message, count in found.most_common()]
    columns = ("what was found and expected", "records")
    return table_panel("events", "Unknown event names", chosen.text, columns, "lr", rows, NO_UNKNOWN)


def _workers(feed: TopicFeed) -> PagePanel:
    counters = feed.worker_counters
    rows = [[says, count_text(counters[name])] for name, says in WORKER_COUNTERS.items() if name in counters]
    columns = ("what workers counted", "number")
    return table_panel(
        "counters", "Workers' counters", "since the workers started", columns, "lr", rows, NO_WORKERS
    )
