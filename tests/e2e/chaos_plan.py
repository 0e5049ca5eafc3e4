"""What goes wrong in a chaos run, and in which order: all of it drawn from the seed."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.e2e.chaos_points import CYCLE, TAKEOVER

#: Places at which a worker has taken over, and nothing of it is committed.
UNCOMMITTED = ("taken over", "recovered", "first cycle begins", "first cycle written")


class Size(NamedTuple):
    """How much happens, at `rate` clicks/s, after `warm` clicks as fast as they go.

    `zombies` are frozen in a cycle and woken in a phase of their successor's takeover; `takers` are frozen in
    a phase of their own and woken after it was taken from them. In every `old`-th run by its seed workers of
    the version before answer the first clicks; 0: in none. None by default since amounts and orders count
    otherwise than in that version: the oracle knows today's rules only.
    """

    rate: int = 1_000
    warm: int = 10_000
    visitors: int = 1_500
    kills: int = 2
    zombies: int = 1
    takers: int = 1
    old: int = 0

    def upgrades(self, seed):
        """Whether the run with this seed begins with the version before."""
        return self.old > 0 and seed % self.old == 1 % self.old


class Step(NamedTuple):
    """A mishap (a method of `Chaos`), its place in a worker and in a successor, seconds before it."""

    name: str
    place: str = ""
    phase: str = ""
    pause: float = 0.0


@dataclass
class Plan:
    """The steps of one run. Phases of takeovers come in turn, so that some runs in a row have them all."""

    size: Size
    seed: int
    rng: object
    upgrade: bool = False
    steps: list = field(default_factory=list)

    def __post_init__(self):
        rng, size, cycle, phases = self.rng, self.size, list(CYCLE), list(TAKEOVER)

        def phase(number, count):
            return phases[(self.seed * count + number) % len(phases)]

        made = [Step("zombie", rng.choice(cycle), phase(n, size.zombies)) for n in range(size.zombies)]
        made += [Step("taker", phase(n, size.takers)) for n in range(size.takers)]
        made += [Step("kill")] * size.kills
        made += [Step("kill_uncommitted", rng.choice(UNCOMMITTED)), Step("kill_unwritten", "decided")]
        made += [Step("slow", rng.choice(cycle)), Step("broker", rng.choice(("end asked", "decided")))]
        made += [Step("swap"), Step("toggle"), Step("toggle")]
        made += [Step("old")] * self.upgrade
        rng.shuffle(made)
        self.steps = [step._replace(pause=rng.uniform(0.2, 2.0)) for step in made]
