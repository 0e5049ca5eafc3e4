"""How often the policy gate is right: candidates trained on the rewards as they are, and on shuffled ones."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tests.bench.policy_simulation.learners import Learner
from tests.bench.policy_simulation.worlds import world
from trainer.off_policy.fixed_policies import Logging
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policy_gate.policy_gate import judge
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import epsilon_greedy, rules, shares_of
from trainer.simulation.simulated_logs import decision_log, session_log
from trainer.simulation.step_model import Floats
from trainer.simulation.true_values import OneDecision, one_decision, session_value

EPSILON = 0.5
#: Share of a log that the candidate learns from; the gate judges on the rest.
LEARNED = 0.5


class Judgement(NamedTuple):
    """Of one candidate: what the gate said, and what is true. Values by decision, or by session."""

    world: int
    shuffled: bool
    promoted: bool
    value: float
    incumbent: float
    estimated: float
    low: float

    @property
    def better(self) -> bool:
        """Whether the candidate is truly better than the incumbent."""
        return self.value > self.incumbent


def judgements(
    learn: Learner, seeds: range, size: int, sessions: bool, settings: PolicyGateSettings
) -> list[Judgement]:
    """For each world a candidate of each sort. `size` is of the log, in decisions or in sessions."""
    found = []
    for seed in seeds:
        found += [_judged(learn, seed, size, sessions, shuffled, settings) for shuffled in (False, True)]
    return found


def _judged(
    learn: Learner, seed: int, size: int, sessions: bool, shuffled: bool, settings: PolicyGateSettings
) -> Judgement:
    shop = world(seed)
    logging = epsilon_greedy(shop, rules(shop), EPSILON)
    bandit = None if sessions else one_decision(shop)
    logged = (
        session_log(shop, logging, size, seed)
        if bandit is None
        else decision_log(shop, bandit, logging, size, seed)
    )
    learned, judged = parts(logged)
    candidate = learn(_shuffled(learned, seed) if shuffled else learned, shop.actions, seed)
    said = judge(judged, candidate, Logging(), shop.actions, settings)
    lead = said.figures["estimates"]["difference"]
    value, incumbent = (_value(shop, bandit, shares) for shares in (shares_of(shop, candidate), logging))
    return Judgement(seed, shuffled, said.verdict.passed, value, incumbent, lead[0], lead[1])


def _value(shop: Shop, bandit: OneDecision | None, shares: Floats) -> float:
    return session_value(shop, shares) if bandit is None else bandit.value(shares)


def parts(logged: LoggedDecisions) -> tuple[LoggedDecisions, LoggedDecisions]:
    """What is learned from, and what is judged on: by visitor, the earlier and the later ones."""
    assert logged.visitor is not None
    learned = logged.visitor < LEARNED * (logged.visitor.max() + 1)
    return logged.rows(learned), logged.rows(~learned)


def _shuffled(logged: LoggedDecisions, seed: int) -> LoggedDecisions:
    return replace(logged, reward=np.random.default_rng(seed).permutation(logged.reward))


def summary(found: list[Judgement]) -> dict[str, float]:
    """Shares: promoted candidates that are truly better; worse ones that were promoted."""
    promoted = [one for one in found if one.promoted]
    worse = [one for one in found if not one.better]
    shuffled = [one for one in found if one.shuffled]
    return {
        "candidates": len(found),
        "promoted": len(promoted),
        "promoted truly better": sum(one.better for one in promoted) / max(1, len(promoted)),
        "worse candidates": len(worse),
        "worse promoted": sum(one.promoted for one in worse) / max(1, len(worse)),
        "shuffled": len(shuffled),
        "shuffled promoted": sum(one.promoted for one in shuffled) / max(1, len(shuffled)),
        "shuffled promoted and worse": sum(one.promoted and not one.better for one in shuffled)
        / max(1, len(shuffled)),
    }
