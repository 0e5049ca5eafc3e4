"""The page Decisions: what is decided, what became of it, what it costs, and experiments."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.dashboard.feeds.outcome_counts import DecisionPlace, EndedDecisions
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.charts import chart_panel
from gateway.dashboard.figures.panels import (
    NONE,
    PagePanel,
    WindowChoice,
    count_text,
    day_and_time,
    decimal_text,
    interval_text,
    percent_text,
    table_panel,
)
from models.durations import DAY_MS

NO_DECISIONS: Final = "No decisions in this window: is a worker running (`pathcast worker`)?"
NO_REWARDS: Final = (
    "No reward records in this window: each decision gets one when its attribution window closes. Send its "
    "outcomes with `decision_id` (docs/policies/feedback.md)."
)
NO_BUDGETS: Final = "No budgets: give an action one in the actions file and start `pathcast pacer`."
NO_EXPERIMENTS: Final = "No experiments: start one with `pathcast experiment start FILE`."


def decisions_page(feed: TopicFeed, chosen: WindowChoice, now: int) -> list[PagePanel]:
    """The panels; `now` (epoch ms) says how much of a budget's day has passed."""
    return [_made(feed, chosen), *_ended(feed, chosen), _spend(feed, now), _arms(feed, chosen)]


def _made(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    held = feed.answers.decisions.total(chosen.window)
    places = sorted(name[1:] for name in held if name[0] == "made")
    totals: dict[str, float] = {}
    for place in places:
        totals[place[0]] = totals.get(place[0], 0) + held["made", *place]
    rows = [
        [
            *map(str, place),
            count_text(held["made", *place]),
            percent_text(held["made", *place] / totals[place[0]]),
            count_text(held["explored", *place]),
        ]
        for place in places
    ]
    columns = ("placement", "policy", "action", "decisions", "share", "explored")
    return table_panel("made", "Decisions", chosen.text, columns, "lllrrr", rows, NO_DECISIONS)


def _ended(feed: TopicFeed, chosen: WindowChoice) -> Iterator[PagePanel]:
    ended = feed.outcomes.decisions(chosen.window)
    columns = (
        "placement",
        "policy",
        "action",
        "impressions",
        "click-through",
        "conversion",
        "reward",
        "cost",
    )
    rows = [_outcome_row(place, found) for place, found in ended.items()]
    yield table_panel(
        "outcomes",
        "What became of decisions (95% intervals)",
        chosen.text,
        columns,
        "lllrrrrr",
        rows,
        NO_REWARDS,
    )
    names = [f"{place.placement}: {place.action} ({place.policy})" for place in ended]
    means = [found.reward for found in ended.values()]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [one.value for one in means],
        "y": names,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0 if one.high is None else one.high - (one.value or 0) for one in means],
            "arrayminus": [0 if one.low is None else (one.value or 0) - one.low for one in means],
        },
    }
    shown = [[name, interval_text(one, percent=False)] for name, one in zip(names, means, strict=True)]
    layout = {"xaxis": {"title": {"text": "mean reward"}}, "yaxis": {"automargin": True}}
    table = (("action", "mean reward (95%)"), "lr", shown)
    yield chart_panel("rewards", "Mean reward", chosen.text, [trace], table, NO_REWARDS, layout)


def _outcome_row(place: DecisionPlace, found: EndedDecisions) -> list[str]:
    return [
        *place,
        f"{count_text(found.had.get('shown', 0))} of {count_text(found.records)}",
        interval_text(found.rate("clicked")),
        interval_text(found.rate("bought")),
        interval_text(found.reward, percent=False),
        decimal_text(found.cost),
    ]


def _spend(feed: TopicFeed, now: int) -> PagePanel:
    rows = []
    for one in feed.broadcasts.budgets():
        spent = one.spent / one.budget if one.budget else None
        amounts = [decimal_text(amount / 1000) for amount in (one.budget, one.granted, one.spent)]
        short = ", ".join(map(str, one.short)) or "none"
        rows.append(
            [one.account, *amounts, percent_text(spent), percent_text(_passed(one.account, now)), short]
        )
    columns = (
        "account",
        "budget",
        "granted",
        "spent",
        "spent of budget",
        "of its day passed",
        "partitions short",
    )
    return table_panel("budgets", "Spend against pacing", "now", columns, "lrrrrrl", rows, NO_BUDGETS)


def _passed(account: str, now: int) -> float | None:
    """The share of the account's UTC day that has passed; None for an account of a whole flight."""
    try:
        day = datetime.strptime(account.rpartition("/")[2], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0.0, min(1.0, (now - day.timestamp() * 1000) / DAY_MS))


def _arms(feed: TopicFeed, chosen: WindowChoice) -> PagePanel:
    held = feed.answers.decisions.total(chosen.window)
    known = sorted(feed.broadcasts.experiments.held.values(), key=lambda one: -one.started_at)
    rows = [
        [
            one.name,
            one.placement,
            "running" if one.running else "stopped",
            day_and_time(one.started_at),
            arm.name,
            percent_text(arm.weight),
            count_text(held["arm", one.name, arm.name]) if one.running else NONE,
        ]
        for one in known
        for arm in one.arms
    ]
    columns = ("experiment", "placement", "state", "started (UTC)", "arm", "weight", "decisions")
    title = "Experiments (intervals: pathcast experiment status NAME)"
    return table_panel("experiments", title, chosen.text, columns, "lllllrr", rows, NO_EXPERIMENTS)
