"""Counts of clicks and of their answers, in windows."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.dashboard.feeds.answer_latency import AnswerLatency
from gateway.dashboard.feeds.matured_sessions import MaturedSessions
from gateway.dashboard.feeds.seen_records import ClickRow, DecisionRow, IntentRow, reader
from gateway.dashboard.feeds.time_buckets import TimeBuckets

#: Bands of the purchase probability, each as wide.
BANDS: Final = 20
#: Kinds of changes to a click's fields, as in `InputFlags`.
CHANGES: Final = ("dropped", "clipped", "filled", "by_arrival")


class AnswerCounts:
    """What the topics of clicks and answers hold, by the time at which a record was written."""

    def __init__(self, gap_ms: int) -> None:
        self.volume = TimeBuckets()
        self.intents = TimeBuckets()
        self.fields = TimeBuckets()
        self.decisions = TimeBuckets()
        self.items = TimeBuckets(most_names=5_000)
        self.latency = AnswerLatency()
        self.sessions = MaturedSessions(gap_ms)
        self._clicks, self._intents, self._decisions = (
            reader(ClickRow),
            reader(IntentRow),
            reader(DecisionRow),
        )

    def take_clicks(self, now: int, records: Sequence[Any]) -> None:
        """Count records of `clicks`; item counts are of clicks in the contract's own form."""
        rows = self._clicks(records)
        times = [record.timestamp for record in records]
        self.volume.take(now, times, [("clicks",)] * len(times))
        others = [at for at, row in zip(times, rows, strict=True) if row is None]
        self.volume.take(now, others, [("clicks", "other form")] * len(others))
        about = [(at, row) for at, row in zip(times, rows, strict=True) if row and row.item_id]
        self.items.take(now, [at for at, _ in about], [(row.event, row.item_id) for _, row in about])
        known = [(row.event_id, at) for at, row in zip(times, rows, strict=True) if row]
        self.latency.sent(now, known)

    def take_intents(self, now: int, records: Sequence[Any]) -> None:
        """Count answers of `purchase-intent`: one for each click that was answered."""
        rows = self._intents(records)
        both = [(record.timestamp, row) for record, row in zip(records, rows, strict=True)]
        self._unreadable(now, "purchase_intent", both)
        known = [(at, row) for at, row in both if row is not None]
        times = [at for at, _ in known]
        self.volume.take(now, times, [("answers",)] * len(known))
        self.intents.take(now, times, [("band", band(row.purchase_probability)) for _, row in known])
        self.intents.take(now, times, [("rung", row.rung) for _, row in known])
        self.intents.take(now, times, [("version", row.model_version or "none") for _, row in known])
        self._take_changes(now, [(at, row) for at, row in known if row.input_flags])
        self.latency.answered(now, [(row.event_id, at) for at, row in known])

    def take_decisions(self, now: int, records: Sequence[Any]) -> None:
        """Count decisions of `ad-decisions`: one for each click and placement."""
        rows = self._decisions(records)
        both = [(record.timestamp, row) for record, row in zip(records, rows, strict=True)]
        self._unreadable(now, "ad_decisions", both)
        known = [(at, row) for at, row in both if row is not None]
        times = [at for at, _ in known]
        self.decisions.take(now, times, [("event", row.placement, row.context.event) for _, row in known])
        self.decisions.take(now, times, [_made(row) for _, row in known])
        explored = [(at, row) for at, row in known if row.explored]
        names = [("explored", row.placement, row.policy, row.action) for _, row in explored]
        self.decisions.take(now, [at for at, _ in explored], names)
        arms = [(at, row) for at, row in known if row.context.experiment]
        named = [("arm", row.context.experiment, row.context.arm) for _, row in arms]
        self.decisions.take(now, [at for at, _ in arms], named)
        self.sessions.take(now, records[0].partition if records else 0, known)

    def take_recommendations(self, now: int, records: Sequence[Any]) -> None:
        """Count lists of `recommendations`."""
        times = [record.timestamp for record in records]
        self.volume.take(now, times, [("recommendations",)] * len(times))

    def _take_changes(self, now: int, changed: Sequence[tuple[int, IntentRow]]) -> None:
        said = [
            (at, (kind, field))
            for at, row in changed
            for kind in CHANGES
            for field in row.input_flags.get(kind, ())
        ]
        self.fields.take(now, [at for at, _ in said], [name for _, name in said])

    def _unreadable(self, now: int, role: str, both: Sequence[tuple[int, Any]]) -> None:
        times = [at for at, row in both if row is None]
        self.volume.take(now, times, [("unreadable", role)] * len(times))


def band(probability: float) -> int:
    """The band of a purchase probability, from 0."""
    return min(BANDS - 1, int(probability * BANDS))


def _made(row: DecisionRow) -> tuple[str, ...]:
    return "made", row.placement, row.policy, row.action
