"""Breadth-first search of everything that can happen within a model's bounds."""

import time
from collections import deque
from typing import NamedTuple

from tests.protocol import broker, obstacles, old_worker, rebalance, takeover, upgrade, worker
from tests.protocol.safety import is_finished, wrong
from tests.protocol.state import Violation


class Result(NamedTuple):
    """`wrong` is "" if everything held; then `trace` is empty. `complete`: nothing was left out."""

    name: str
    states: int
    seconds: float
    complete: bool
    wrong: str = ""
    trace: tuple = ()

    def __str__(self):
        fate = self.wrong or ("holds" if self.complete else "holds as far as was searched")
        lines = [f"{self.name}: {fate} ({self.states} states, {self.seconds:.1f} s)"]
        return "\n".join(lines + [f"    {number}. {step}" for number, step in enumerate(self.trace, 1)])


def following(model, state):
    """All steps from a state: (label, state)."""
    yield from broker.markers(state)
    yield from broker.timeouts(state)
    yield from rebalance.steps(model, state)
    for number in range(model.bounds.workers):
        if number in model.bounds.old:
            yield from old_worker.steps(model, state, number)
            continue
        yield from worker.steps(model, state, number)
        yield from takeover.steps(model, state, number)
        yield from obstacles.steps(model, state, number)
        yield from upgrade.steps(model, state, number)


class Search:
    """One search; remembers how each state was reached."""

    def __init__(self, model, most=10**7):
        self.model, self.most = model, most
        self.before = {}
        self.backward = {}
        self.last = ""

    def run(self):
        """The first violation, by the shortest way, or none."""
        began, start = time.monotonic(), self.model.start()
        self.before[start] = None
        waiting, finished = deque([start]), []
        found = ("", ())
        while waiting and len(self.before) < self.most and not found[0]:
            state = waiting.popleft()
            if is_finished(self.model, state):
                finished.append(state)
            found = self._expand(state, waiting)
        complete = not waiting and not found[0]
        if complete:
            found = self._stuck(finished)
        return Result(self.model.name, len(self.before), time.monotonic() - began, complete, *found)

    def _expand(self, state, waiting):
        try:
            for label, after in following(self.model, state):
                if sum(after.budget) == sum(state.budget):
                    self.backward.setdefault(after, []).append(state)
                if after in self.before:
                    continue
                self.before[after] = (state, label)
                if reason := wrong(self.model, after):
                    return reason, self._trace(after)
                waiting.append(after)
        except Violation as violation:
            return str(violation), self._trace(state)
        return "", ()

    def _trace(self, state):
        steps = []
        while self.before[state] is not None:
            state, label = self.before[state]
            steps.append(label)
        return tuple(reversed(steps))

    def _stuck(self, finished):
        """Liveness: without further mishaps every state can still come to a good end."""
        reached, waiting = set(finished), list(finished)
        while waiting:
            for state in self.backward.get(waiting.pop(), ()):
                if state not in reached:
                    reached.add(state)
                    waiting.append(state)
        for state in self.before:
            if state not in reached:
                return "no way to a good end", self._trace(state)
        return "", ()
