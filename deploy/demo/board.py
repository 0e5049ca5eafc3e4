"""What the demo has seen so far: numbers, latencies, the path of one visitor, the latest decisions."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec

from deploy.demo.followed import Path, PathStep, SeenClick
from deploy.demo.retraining import Retraining
from deploy.demo.shipped_log import DemoLog
from deploy.demo.tally import AnswerTally
from models.contract.predictions import AdDecision, PurchaseIntent, Recommendations
from models.decisions.actions_file import DEFAULT_POLICY

#: Part of the event id of simulated events.
SIMULATED = "#simulated-"
NOTHING = "nothing"
#: Least seconds between two listed decisions, so that they can be read.
DECISION_EVERY = 0.7


class Board:
    """Filled by the watcher's thread, read by the view under `lock`; times are seconds of the wall clock."""

    def __init__(self, log: DemoLog, started: float, retraining: Retraining | None = None) -> None:
        self.log, self.started, self.retraining = log, started, retraining
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.simulated: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self.deciders: Counter[str] = Counter()
        self.arrivals: deque[float] = deque(maxlen=20_000)
        self.latencies: deque[float] = deque(maxlen=200_000)
        self.decisions: deque[AdDecision] = deque(maxlen=40)
        self.outcomes: dict[str, str] = {}
        self.path = Path()
        self.earlier: deque[Path] = deque(maxlen=6)
        self.tally = AnswerTally()
        self.hits = self.tries = 0
        self.model = ""
        self.shop_time = 0
        self.lag: int | None = None
        self._listed = 0.0
        self._sent: dict[str, int] = {}
        self._answered: dict[str, float] = {}
        self._expected: dict[str, tuple[str, frozenset[str]]] = {}
        self._decode: dict[str, Callable[[bytes], Any]] = {
            "clicks": msgspec.json.Decoder(SeenClick).decode,
            "purchase_intent": msgspec.json.Decoder(PurchaseIntent).decode,
            "recommendations": msgspec.json.Decoder(Recommendations).decode,
            "ad_decisions": msgspec.json.Decoder(AdDecision).decode,
        }

    def feed(self, role: str, record: Any, now: float) -> Any:
        """Take in a record of the topic with that role, read at `now`; returns what was said of a click."""
        self.counts[role] += 1
        if role == "dead_letters":
            self.refusals[dict(record.headers)["reason"].decode()] += 1
            # All clicks of the log are readable, so these are refused for their time.
            self.tally.saw(role, self._decode["clicks"](record.value).event_id)
        if role not in self._decode:
            return None
        said = self._decode[role](record.value)
        self.tally.saw(role, said.event_id)
        getattr(self, f"_see_{role}")(said, record, now)
        return said

    def _see_clicks(self, click: SeenClick, record: Any, now: float) -> None:
        self._match(click.event_id, sent=record.timestamp)
        self.arrivals.append(now)
        if SIMULATED in click.event_id:
            self.simulated[click.event] += 1
            self.outcomes[click.event_id.partition(SIMULATED)[0]] = click.event
            return
        self.events[click.event] += 1
        self.shop_time = max(self.shop_time, click.ts)
        self._follow(click, self._was_expected(click), now)

    def _was_expected(self, click: SeenClick) -> bool:
        """Whether the item was among those recommended after the visitor's last click."""
        if click.visitor_id not in self._expected:
            return False
        version, expected = self._expected.pop(click.visitor_id)
        hit = click.item_id in expected
        self.tries += 1
        self.hits += hit
        self.tally.tried(version, hit)
        return hit

    def _follow(self, click: SeenClick, expected: bool, now: float) -> None:
        if click.visitor_id != self.path.visitor:
            if not self._prefers(click.visitor_id, now):
                return
            if self.path.steps:
                self.earlier.appendleft(self.path)
            self.path = Path(click.visitor_id)
        self.path.steps[click.event_id] = PathStep(click, expected=expected)
        self.path.bought |= click.event == "purchase"
        self.path.changed = now

    def _prefers(self, visitor: str, now: float) -> bool:
        """Whether to follow this visitor instead of the present one."""
        if visitor in self.log.buyers:
            return self.path.visitor not in self.log.buyers or self.path.over(now)
        return visitor in self.log.walkers and self.path.over(now)

    def _see_purchase_intent(self, answer: PurchaseIntent, _record: Any, now: float) -> None:
        self._match(answer.event_id, answered=now)
        self.tiers[answer.rung] += 1
        self.model = answer.model_version
        self.tally.served(answer.model_version, now)
        if step := self.path.steps.get(answer.event_id):
            step.probability = answer.purchase_probability

    def _see_recommendations(self, answer: Recommendations, _record: Any, _now: float) -> None:
        if SIMULATED in answer.event_id:
            return
        items = frozenset(item.item_id for item in answer.items)
        self._expected[answer.visitor_id] = answer.model_version, items
        if answer.visitor_id == self.path.visitor:
            self.path.items = [(item.item_id, item.score) for item in answer.items]

    def _see_ad_decisions(self, answer: AdDecision, _record: Any, now: float) -> None:
        self.actions[answer.action] += 1
        self.deciders[answer.policy or DEFAULT_POLICY] += 1
        if answer.action == NOTHING or SIMULATED in answer.event_id:
            return
        if answer.visitor_id == self.path.visitor or now - self._listed >= DECISION_EVERY:
            self.decisions.append(answer)
            self._listed = now

    def _match(self, event_id: str, *, sent: int | None = None, answered: float | None = None) -> None:
        """Latency of a click; it and its answer come from different topics, in either order."""
        sent = sent if sent is not None else self._sent.pop(event_id, None)
        answered = answered if answered is not None else self._answered.pop(event_id, None)
        if sent is not None and answered is not None:
            self.latencies.append(answered * 1000 - sent)
        elif sent is not None:
            self._sent[event_id] = sent
        elif answered is not None:
            self._answered[event_id] = answered
