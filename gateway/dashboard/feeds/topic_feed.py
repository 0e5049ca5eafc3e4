"""Everything that the dashboard knows of the topics: one object for a process, filled by one reader."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.dashboard.feeds.answer_counts import AnswerCounts
from gateway.dashboard.feeds.latest_records import Broadcasts
from gateway.dashboard.feeds.matured_sessions import GAP_MS
from gateway.dashboard.feeds.outcome_counts import OutcomeTotals
from gateway.dashboard.feeds.refused_inputs import RefusedInputs
from gateway.dashboard.feeds.time_buckets import Window, window_until

#: Topics that are followed from a bounded time back, by their roles in the topic names.
STREAMS: Final = (
    "clicks",
    "purchase_intent",
    "recommendations",
    "ad_decisions",
    "rewards",
    "recommendation_outcomes",
    "dead_letters",
)
#: Compacted topics, which are read from their beginning.
TABLES: Final = (
    "model_reports",
    "model_updates",
    "experiments",
    "budget_grants",
    "budget_spend",
    "analytics",
    "items",
)


class TopicFeed:
    """Aggregates of the topics. `lock` is held while records are taken and while a page is made of them.

    `gap_ms` of silence end a session. Its size is bounded: by buckets and names of the aggregates, by keys of
    the compacted topics.
    """

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self.lock = threading.Lock()
        self.answers = AnswerCounts(gap_ms)
        self.outcomes = OutcomeTotals()
        self.refusals = RefusedInputs()
        self.broadcasts = Broadcasts()
        self.lag: dict[int, int] = {}
        self.behind = 0
        #: Counters of workers by metric, summed over workers.
        self.worker_counters: dict[str, float] = {}
        #: Why nothing is read, in one sentence; empty while reading works.
        self.trouble = "The reader has not started yet."
        self.missing: tuple[str, ...] = ()
        #: Records from this time on were read (epoch ms).
        self.since = 0
        self._takers = self._takers_by_role()

    def take(self, role: str, now: int, records: Sequence[Any]) -> None:
        """Add records of one partition of the topic with this role; `now` is the clock (epoch ms)."""
        with self.lock:
            self._takers[role](now, records)

    def window(self, now: int, seconds: int) -> Window:
        """The last `seconds`, or what of them was read."""
        asked = window_until(now, seconds)
        return Window(max(asked.start, self.since), asked.end)

    def _takers_by_role(self) -> Mapping[str, Callable[[int, Sequence[Any]], None]]:
        answers, outcomes = self.answers, self.outcomes
        tables = {role: _untimed(getattr(self.broadcasts, _TABLE_FIELDS[role])) for role in TABLES}
        return {
            "clicks": answers.take_clicks,
            "purchase_intent": answers.take_intents,
            "recommendations": answers.take_recommendations,
            "ad_decisions": answers.take_decisions,
            "rewards": outcomes.take_rewards,
            "recommendation_outcomes": outcomes.take_followed,
            "dead_letters": self.refusals.take,
            **tables,
        }


_TABLE_FIELDS: Final = {
    "model_reports": "reports",
    "model_updates": "updates",
    "experiments": "experiments",
    "budget_grants": "grants",
    "budget_spend": "spend",
    "analytics": "analytics",
    "items": "items",
}


def _untimed(table: Any) -> Callable[[int, Sequence[Any]], None]:
    return lambda _, records: table.take(records)
