"""Simulated feedback: the log has no reactions to our decisions, so simulated shoppers give them.

What an action does to whom is assumed (`trainer.simulation.action_effects`).
"""

import heapq
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from deploy.cluster.actions_text import shipped_actions_text
from deploy.cluster.clients import producer
from deploy.cluster.records import RecordBatch
from deploy.cluster.replay import ReplayReport, Sender
from deploy.demo.board import NOTHING, SIMULATED
from deploy.demo.watch import Background
from models.contract.predictions import AdDecision
from models.decisions.actions import ActionSet
from streams.config.connection import Connection
from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.reactions import Reactions

#: What is assumed of them; fewer see an action than in the simulated shop.
EFFECTS = ActionEffects(seen=0.5)
#: Delay of an outcome: seconds of the wall clock after the decision, and ms of event time.
AFTER, AFTER_EVENT_MS = {"view_promotion": 0.5, "select_promotion": 1.2}, 2_000
#: Outcomes get the shop's present event time (ms), since the visitor may have clicked meanwhile.
RECENT_MS = 60_000


@dataclass(order=True)
class Planned:
    """An event to send once it is due."""

    due: float
    decision: AdDecision = field(compare=False)
    event: str = field(compare=False)

    def said(self, present: int) -> dict[str, Any]:
        """The event, when the shop's clock is at `present` (epoch ms)."""
        decision = self.decision
        return {
            "event_id": f"{decision.decision_id}{SIMULATED}{self.event}",
            "visitor_id": decision.visitor_id,
            "ts": max(decision.ts + AFTER_EVENT_MS, present - RECENT_MS),
            "event": self.event,
            "promo_id": decision.action,
            "decision_id": decision.decision_id,
        }


def shipped_actions() -> ActionSet:
    """The actions that the demo's worker decides between."""
    return ActionSet.load(shipped_actions_text())


class SimulatedOutcomes:
    """Plans outcomes of decisions (any thread) and sends them to `topic` when they are due (its own thread).

    `clock` is the event time of the shop (epoch ms); `actions` are those that are decided between.
    """

    def __init__(
        self, to: Connection, topic: str, clock: Callable[[], int], actions: ActionSet, seed: int = 0
    ) -> None:
        self._to, self._topic, self._clock = to, topic, clock
        self._reactions = Reactions(actions, EFFECTS)
        self._chance = random.Random(seed)
        self._planned: list[Planned] = []
        self._lock = threading.Lock()
        #: Counts of sent events; complete once the thread has ended.
        self.report = ReplayReport()
        self.thread = Background("outcomes", self._send_when_due)

    def plan(self, decision: AdDecision) -> None:
        """Draw whether the decision was seen and clicked; answers to simulated events are left out."""
        if decision.action == NOTHING or SIMULATED in decision.event_id:
            return
        chances = self._chance.random(), self._chance.random()
        found = self._reactions.react(decision.context, decision.action, *chances)
        events = ["view_promotion"] * found.shown + ["select_promotion"] * found.clicked
        with self._lock:
            for event in events:
                heapq.heappush(self._planned, Planned(time.monotonic() + AFTER[event], decision, event))

    def _send_when_due(self, halt: threading.Event) -> None:
        with producer(self._to, linger_ms=5) as client:
            sender = Sender(client, self._topic, self.report)
            while not halt.wait(0.05):
                due = self._due()
                for row in range(len(due.keys)):
                    sender.send(due, row)
                self.report.sent += len(due.keys)

    def _due(self) -> RecordBatch:
        with self._lock:
            now, taken = time.monotonic(), list[Planned]()
            while self._planned and self._planned[0].due <= now:
                taken.append(heapq.heappop(self._planned))
        said = [one.said(self._clock()) for one in taken]
        times = np.array([one["ts"] for one in said], np.int64)
        return RecordBatch(
            [one["visitor_id"].encode() for one in said], [*map(msgspec.json.encode, said)], times
        )
