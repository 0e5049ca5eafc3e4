"""A policy with what its decisions are read from and written with, and where the pipeline finds it.

Where an experiment runs, each arm's policy decides the clicks of its own visitors. A visitor is in one arm,
so a visitor's clicks stay in record order, on which their caps depend.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from models.contract.decision_context import Context
from models.decisions.policy import Policy
from models.experiments.assignment import Assignment
from models.registry.versions import Version
from models.sessions.lifecycle import SessionConfig
from streams.constraints.withheld_actions import Withholder
from streams.pipeline.answers import PolicyTexts
from streams.pipeline.chunk import Applied, Chunk, Placed, Trial
from streams.pipeline.context_vectors import ContextVectors
from streams.pipeline.deciding import Asked, ask, decide_all


class ServedPolicy:
    """Made once for each policy that comes into use, since its texts are cached.

    With `arms` it decides only for visitors whom no experiment takes. Raises ActionsError for inputs that no
    click has.
    """

    def __init__(self, policy: Policy, arms: "Arms | None" = None) -> None:
        self.policy, self.arms = policy, arms
        self.vectors, self.texts = ContextVectors(policy), PolicyTexts(policy)
        self.withholder = Withholder(policy.actions.limits)

    @property
    def each(self) -> tuple["ServedPolicy", ...]:
        """All policies that decide: this one, and those of the arms in their order."""
        return (self,) if self.arms is None else (self, *self.arms.served)

    def maker(self, context: Context) -> Policy:
        """The policy that decided a context: that of its arm, as long as its experiment runs."""
        arms = self.arms
        if arms is None or context.experiment != arms.experiment:
            return self.policy
        by_name = dict(zip(arms.assignment.names, arms.served, strict=True))
        return by_name[context.arm].policy if context.arm in by_name else self.policy


class Arms(NamedTuple):
    """A running experiment at the policy's placement: who is in which arm, and the arms' policies."""

    experiment: str
    assignment: Assignment
    served: tuple[ServedPolicy, ...]

    def makers(self, clicks: Sequence[Applied]) -> list[int]:
        """By click the position in `ServedPolicy.each`; visitors without consent are in no arm."""
        places = self.assignment.places([applied.click.visitor_id for applied in clicks]) + 1
        refused = [not applied.facts.consent for applied in clicks]
        if any(refused):
            places[refused] = 0
        found: list[int] = places.tolist()
        return found


class PoliciesInUse(Protocol):
    """The policy that decides; asked once for each pass over chunks, so that a chunk has one policy."""

    def of(self, version: Version | None) -> ServedPolicy:
        """The first placement's policy beside this model version (None: the lower fallback tiers alone)."""
        ...

    def every(self, version: Version | None) -> Sequence[ServedPolicy]:
        """The policies of all placements, in the order of the actions file."""
        ...


class OnlyPolicy:
    """One policy that no announcement changes. Raises ActionsError as `ServedPolicy` does."""

    def __init__(self, policy: Policy) -> None:
        self._served = ServedPolicy(policy)

    def of(self, version: Version | None) -> ServedPolicy:
        """Always the same."""
        return self._served

    def every(self, version: Version | None) -> Sequence[ServedPolicy]:
        """It alone."""
        return (self._served,)


def decide_each(chunk: Chunk, places: Sequence[ServedPolicy], config: SessionConfig) -> None:
    """Decide the chunk's clicks for every placement, by its policy or by the arms of its experiment.

    `makers` count the policies of all placements, one placement's after another's.
    """
    asked, makers, first = [], [], 0
    for place in places:
        by = [0] * len(chunk.applied) if place.arms is None else place.arms.makers(chunk.applied)
        asked.append(_asked(chunk, place, by, config))
        makers.append([first + one for one in by] if first else by)
        first += len(place.each)
    decided = list(map(Placed, decide_all(chunk, asked, config), makers))
    (chunk.decided, chunk.makers), *chunk.further = decided


def _asked(chunk: Chunk, place: ServedPolicy, makers: list[int], config: SessionConfig) -> Asked:
    """By click what its policy makes of it."""
    arms = place.arms
    if arms is None:
        return ask(chunk, place.policy, place.vectors, place.withholder, (None, None), config)
    trials: list[Trial] = [(None, None), *((arms.experiment, name) for name in arms.assignment.names)]
    parts = []
    for maker, (one, trial) in enumerate(zip(place.each, trials, strict=True)):
        clicks = [applied for applied, by in zip(chunk.applied, makers, strict=True) if by == maker]
        part = replace(chunk, applied=clicks)
        asked = ask(part, one.policy, one.vectors, one.withholder, trial, config)
        parts.append(zip(*asked, strict=True))
    rows = [next(parts[maker]) for maker in makers]
    return Asked(*map(list, zip(*rows, strict=True))) if rows else Asked([], [], [], [], [])
