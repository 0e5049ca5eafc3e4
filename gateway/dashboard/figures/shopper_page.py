"""The page Shopper: one visitor's clicks with what they moved, next items, decisions and outcomes."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.visitor_history import VisitorRecords
from gateway.dashboard.figures.charts import chart_panel
from gateway.dashboard.figures.items_page import named
from gateway.dashboard.figures.panels import (
    NONE,
    NamedFigure,
    PagePanel,
    count_text,
    day_and_time,
    decimal_text,
    figures_panel,
    percent_text,
    table_panel,
)
from models.contract.events import ID_CHARS

NO_CLICKS: Final = "No click or answer of this visitor in this time."
NO_PROFILE: Final = "No worker has a record of this visitor: never seen, expired, or forgotten."
NO_REASONS: Final = (
    "The worker has no explanation at hand: it explains the latest click while it serves the visitor, and "
    "each click that asks for it (`explain`)."
)

#: Numbers that are read as epoch ms: 1973 to 2100. Others are shown as they came.
EPOCH_MS: Final = range(10**11, 4_102_444_800_000)
#: Characters that are shown of what a producer sent, and of a reason.
MOST_CHARS, MOST_REASON_CHARS = 40, 400
NO_TEXTS: Final = MappingProxyType[str, str]({})

Json = Mapping[str, Any]


def shopper_page(
    feed: TopicFeed,
    found: VisitorRecords,
    profile: Json | None,
    window: str,
    reasons: Mapping[str, str] = NO_TEXTS,
) -> list[PagePanel]:
    """The panels; `profile` is what the visitor's worker says, None where it knows nothing.

    `reasons` are sentences by event id, for clicks whose answers carry none.
    """
    intents = {one.get("event_id"): one for one in found.by_role["purchase_intent"]}
    return [
        _profile(profile),
        _probability(found.by_role["purchase_intent"], window),
        _timeline(feed, found, intents, window, reasons),
        _moved((profile or {}).get("explanation")),
        _next_items(feed, found.by_role["recommendations"], window),
        _decisions(found, window),
    ]


def _profile(profile: Json | None) -> PagePanel:
    told = (profile or {}).get("profile", {})
    figures = [
        NamedFigure("sessions", count_text(told.get("sessions")), told.get("sessions")),
        NamedFigure("orders", count_text(told.get("orders")), told.get("orders")),
        NamedFigure("spent", decimal_text(told.get("spent")), told.get("spent")),
        NamedFigure("cart", decimal_text(told.get("cart_value")), told.get("cart_value")),
        NamedFigure("usual price", decimal_text(told.get("usual_price")), told.get("usual_price")),
    ]
    interests = ", ".join(
        f"{name} {percent_text(share)}" for name, share in list(told.get("interests", {}).items())[:5]
    )
    note = f"Interests: {interests}." if interests else "" if told else NO_PROFILE
    return figures_panel("profile", "Profile", "now, as the visitor's worker says", figures, note)


def _probability(intents: Sequence[Json], window: str) -> PagePanel:
    times = [day_and_time(one["ts"]) for one in intents]
    values = [one["purchase_probability"] for one in intents]
    trace = {"type": "scatter", "mode": "lines+markers", "x": times, "y": values}
    rows = [[at, percent_text(value)] for at, value in zip(times, values, strict=True)]
    layout = {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}}
    columns = ("time (UTC)", "probability")
    title = "Purchase probability after each click"
    return chart_panel("probability", title, window, [trace], (columns, "lr", rows), NO_CLICKS, layout)


def _timeline(
    feed: TopicFeed,
    found: VisitorRecords,
    intents: Mapping[Any, Json],
    window: str,
    reasons: Mapping[str, str],
) -> PagePanel:
    before: float | None = None
    rows = []
    for click in found.by_role["clicks"]:
        # A click is what a producer sent: any field may hold anything.
        event_id = _text(click.get("event_id"), ID_CHARS)
        answer = intents.get(event_id, {})
        now = answer.get("purchase_probability")
        item = named(feed, _text(click["item_id"], ID_CHARS)) if click.get("item_id") else [NONE] * 4
        moved = None if now is None or before is None else now - before
        rows.append(
            [
                _time(click.get("ts")),
                _text(click.get("event", NONE)),
                *item[:2],
                item[3],
                percent_text(now),
                NONE if moved is None else f"{100 * moved:+.1f}",
                str(answer.get("rung", NONE)),
                _why(answer.get("explanation"), reasons.get(event_id, "")),
            ]
        )
        before = now if now is not None else before
    columns = ("time (UTC)", "event", "item", "title", "price", "probability", "points moved", "tier", "why")
    told = f"{window}; why: as answered, else by the model in use from these clicks alone"
    return table_panel(
        "timeline", "Clicks and what they moved", told, columns, "llllrrrll", rows[::-1], NO_CLICKS
    )


def _why(published: Any, computed: str) -> str:
    """What moved a probability, without the probability itself, which stands beside it."""
    text = str(published.get("text", "")) if isinstance(published, Mapping) else computed
    return _text(text.partition("%. ")[2] or text or NONE, MOST_REASON_CHARS)


def _time(ts: Any) -> str:
    """Event time; text as it came where a producer writes times in another form."""
    return day_and_time(ts) if isinstance(ts, int) and ts in EPOCH_MS else _text(ts)


def _text(value: Any, most: int = MOST_CHARS) -> str:
    return str(value)[:most]


def _moved(reasons: Json | None) -> PagePanel:
    rows = [[name, text] for name, text in _texts(reasons or {})]
    columns = ("of", "why")
    return table_panel(
        "reasons", "What moved the latest answers", "the latest click", columns, "ll", rows, NO_REASONS
    )


def _texts(found: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """Sentences of explanations, with what they explain."""
    for name, value in found.items():
        place = f"{at} {name}".strip()
        if isinstance(value, str):
            if name == "text" and value:
                yield at or name, value
        elif isinstance(value, Mapping):
            yield from _texts(value, place)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, Mapping):
                    yield from _texts(one, f"{place} {one.get('item_id', '')}".strip())


def _next_items(feed: TopicFeed, lists: Sequence[Json], window: str) -> PagePanel:
    items = lists[-1].get("items", []) if lists else []
    rows = [
        [str(place), *named(feed, str(one["item_id"])), decimal_text(one.get("score"), 4)]
        for place, one in enumerate(items, start=1)
    ]
    columns = ("place", "item", "title", "category", "price", "score")
    title = "Likely next items, after the latest click"
    return table_panel("next", title, window, columns, "rlllrr", rows, NO_CLICKS)


def _decisions(found: VisitorRecords, window: str) -> PagePanel:
    rewards = {one.get("decision_id"): one for one in found.by_role["rewards"]}
    rows = []
    for one in reversed(found.by_role["ad_decisions"]):
        reward = rewards.get(one.get("decision_id"))
        outcomes = ", ".join(outcome["event"] for outcome in reward["outcomes"]) if reward else "open"
        rows.append(
            [
                day_and_time(one["ts"]),
                one["placement"],
                one["action"],
                decimal_text(one["propensity"], 3),
                one.get("policy", "rules"),
                outcomes or "none" if one["action"] != "none" else NONE,
                decimal_text(reward["reward"], 3) if reward else NONE,
            ]
        )
    columns = ("time (UTC)", "placement", "action", "propensity", "policy", "outcomes", "reward")
    return table_panel("decisions", "Decisions", window, columns, "lllrllr", rows, NO_CLICKS)
