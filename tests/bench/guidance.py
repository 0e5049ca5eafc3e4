"""Guidance in the simulator: rules, model and hybrid side by side, and how often hold-outs are right.

`python -m tests.bench.guidance` prints the tables of `docs/policies/guidance.md`. All figures are simulated:
what shoppers do by themselves comes from the shipped log, what actions do to them is assumed.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.decisions.decision import sample
from models.decisions.policy_kinds import policy_of
from models.experiments.assignment import Assignment
from models.experiments.experiment import Arm, Experiment
from models.guidance.guidance_policy import HYBRID, MODEL, RULES
from trainer.ab_tests.intent_values import LoggedGuidance, intent_values, with_values
from trainer.ab_tests.sequential import always_valid, summarise
from trainer.logs.log_files import read_log
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import decision_contexts, rules, uniform
from trainer.simulation.shopper_intents import INTENTS
from trainer.simulation.standard_shop import ACTIONS
from trainer.simulation.true_values import never, occupancy, optimum, session_value
from trainer.simulation.visits import visits

Floats = NDArray[np.float64]

#: The simulator's names of states, and the head's.
_NAMES = {"ready": "ready_to_buy", "leaving": "about_to_leave"}
#: For which states the standard actions are meant, by a shop's common sense.
MEANT = {
    "ad_bestsellers": ["exploring", "about_to_leave"],
    "ad_new_arrivals": ["exploring", "comparing"],
    "ad_accessories": ["ready_to_buy"],
    "coupon": ["hesitating", "price_sensitive"],
    "free_shipping": ["hesitating"],
    "nudge_checkout": ["hesitating", "ready_to_buy"],
}


class Figures(NamedTuple):
    """Of a policy by session: true value, cost of its offers, and how many actions it serves."""

    value: float
    cost: float
    served: float


def guided_contexts(shop: Shop, right: float = 1.0, seed: int = 0) -> list[Context]:
    """The contexts of all states with a vector of intent states, as a calibrated head gives it.

    In a share `right` of the states the true intent is told, in the others one that is told of alike sessions
    (with a cart, or without). The vector has the probabilities of the true ones, given what is told.
    """
    random = np.random.default_rng(seed)
    true = np.array([STATES.index(_NAMES.get(name, name)) for name in INTENTS])[shop.intent]
    carts, told = shop.attributes.carts > 0, true.copy()
    for group in (carts, ~carts):
        wrong = group & (random.random(len(true)) >= right)
        told[wrong] = random.choice(np.unique(true[group]), int(wrong.sum()))
    return _with_vectors(shop, true, told)


def _with_vectors(shop: Shop, true: NDArray[np.int64], told: NDArray[np.int64]) -> list[Context]:
    joint = np.full((len(STATES), len(STATES)), 1e-12)
    np.add.at(joint, (told, true), occupancy(shop, never(shop)))
    vectors = (joint / joint.sum(1, keepdims=True))[told].round(4).tolist()
    found = zip(decision_contexts(shop), vectors, strict=True)
    return [msgspec.structs.replace(context, vector=vector) for context, vector in found]


def guided_shares(shop: Shop, text: str, kind: str, contexts: list[Context]) -> Floats:
    """Probabilities [states, actions] of a guidance policy of an actions file."""
    actions = ActionSet.load(f'policy = "{kind}"\n{text}')
    chosen = [
        evaluation.choose(context.mask).distribution.probabilities.values()
        for context, evaluation in zip(contexts, policy_of(actions).evaluate(contexts), strict=True)
    ]
    return np.array([list(row) for row in chosen])


def meant_for(text: str, meant: Mapping[str, list[str]] = MEANT) -> str:
    """The file with `intents`, and without the exploration floor of the log that it learns from."""
    for name, states in meant.items():
        entry = f'name = "{name}"\n'
        text = text.replace(entry, f"{entry}intents = {json.dumps(states)}\n")
    return text.replace("epsilon = 0.10", "epsilon = 0.02")


def learned_file(shop: Shop, text: str, contexts: list[Context], sessions: int, seed: int) -> str:
    """The file with `intent_values` learned from sessions in which actions were chosen at random.

    The reward of a decision is that of the session from there on: an offer that is used up early is missed
    later, which a click's own reward would not show.
    """
    steps = visits(shop, uniform(shop), sessions, seed)
    order = np.lexsort((-steps.step, steps.session))
    reward = steps.reward[order]
    sums = np.cumsum(reward)
    last = np.append(True, np.diff(steps.session[order]) != 0)
    start = np.maximum.accumulate(np.where(last, np.arange(len(sums)), 0))
    state = steps.state[order]
    told = np.array([context.vector for context in contexts]).argmax(1)[state]
    follows = sums - sums[start] + reward[start]
    chosen = steps.action[order], told, steps.propensity[order], follows, shop.allowed[state]
    return with_values(text, intent_values(LoggedGuidance(*chosen), shop.actions))


def figures(shop: Shop, shares: Floats) -> Figures:
    """By exact expectation."""
    clicks = occupancy(shop, shares)
    served = (clicks[:, None] * shares).sum(0)
    offered = float(served.sum() - served[shop.actions.none])
    return Figures(session_value(shop, shares), float(served @ shop.costs), offered)


def coverage(
    shop: Shop, shares: Floats, runs: int, visitors: int, held: float = 0.2
) -> tuple[float, float, float]:
    """Shares of simulated experiments whose interval of the uplift covers the true one, always-valid and
    ordinary; and the mean width of the former over the true uplift.
    """
    truth = session_value(shop, shares) - session_value(shop, never(shop))
    right, ordinary, widths = 0, 0, []
    for run in range(runs):
        random = np.random.default_rng(run)
        count = int((random.random(visitors) < held).sum())
        treated, untreated = (
            np.bincount(steps.session, steps.reward, size)
            for steps, size in (
                (visits(shop, shares, visitors - count, 2 * run), visitors - count),
                (visits(shop, never(shop), count, 2 * run + 1_000_001), count),
            )
        )
        one, other = summarise(treated), summarise(untreated)
        found = always_valid(one, other, visitors)
        right += bool(found.low <= truth <= found.high)
        error = np.sqrt(one.variance / one.number + other.variance / other.number)
        ordinary += bool(abs(found.estimate - truth) <= 1.96 * error)
        widths.append(float(found.high - found.low) / abs(truth))
    return right / runs, ordinary / runs, float(np.mean(widths))


def microseconds(kind: str, actions: int = 20, clicks: int = 4_000) -> float:
    """Processor time to decide a click in a large cycle, as workers do: evaluate, then choose and draw."""
    made = [
        f'[[actions]]\nname = "a{n}"\nkind = "nudge"\nweight = {n}.0\nintents = ["{STATES[n % 6]}"]\n'
        f"intent_values = {{ {STATES[n % 6]} = {n}.0 }}\n"
        for n in range(actions - 1)
    ]
    head = f'placement = "p"\nepsilon = 0.1\npolicy = "{kind}"\n[[actions]]\nname = "none"\nkind = "none"\n'
    policy = policy_of(ActionSet.load(head + "".join(made)))
    vectors = np.random.default_rng(0).dirichlet(np.ones(len(STATES)), clicks).round(4).tolist()
    every = policy.actions.all_bits
    contexts = [Context(0.1, "cart", 0, "search", 1, every, vector=vector) for vector in vectors]
    spent = []
    for _ in range(7):
        started = time.process_time()
        for evaluation in policy.evaluate(contexts):
            sample(policy.actions, evaluation, every - 2, 1 << 52)
        spent.append(time.process_time() - started)
    return 1e6 * min(spent) / clicks


def assigning(visitors: int = 4_000) -> float:
    """Processor time to assign a click's visitor, in microseconds."""
    arms = [Arm(name, 0.25) for name in "abcd"]
    assignment = Assignment(Experiment(name="e", placement="p", salt="s", arms=arms))
    ids, spent = [f"visitor-{n}" for n in range(visitors)], []
    for _ in range(7):
        started = time.process_time()
        assignment.places(ids)
        spent.append(time.process_time() - started)
    return 1e6 * min(spent) / visitors


def standard(log: str) -> Shop:
    """The shop of the standard actions, fitted on a log."""
    return Shop.fit(read_log([Path(log)]).collect(), ActionSet.load(ACTIONS))


def main(arguments: list[str] | None = None) -> int:
    """Print both tables; 1 where the hold-out is right in less than 93% of the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", default="deploy/data/rees46_electronics.csv.gz")
    parser.add_argument("--sessions", type=int, default=200_000, help="Values are learned from these.")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=20_000, help="Visitors of each experiment.")
    given = parser.parse_args(arguments)
    shop = standard(given.log)
    print("simulated; by session: true value, cost of offers, actions served")
    print("| policy | value | over nothing | cost | served |\n|---|---|---|---|---|")
    nothing = figures(shop, never(shop))
    rows = {"nothing": never(shop), "rules": rules(shop), "optimum": optimum(shop).shares}
    for right in (1.0, 0.7):
        contexts = guided_contexts(shop, right)
        text = learned_file(shop, meant_for(ACTIONS), contexts, given.sessions, 1)
        for kind in (RULES, MODEL, HYBRID):
            rows[f"{kind}, state right in {right:.0%}"] = guided_shares(shop, text, kind, contexts)
    for name, shares in rows.items():
        found = figures(shop, shares)
        gain = found.value - nothing.value
        print(f"| {name} | {found.value:.4f} | {gain:+.4f} | {found.cost:.4f} | {found.served:.2f} |")
    best = rows[f"{HYBRID}, state right in 100%"]
    right, ordinary, width = coverage(shop, best, given.runs, given.visitors)
    print(f"hold-out of 20% of {given.visitors:,} visitors, {given.runs} runs; the true uplift is covered by")
    print(f"the always-valid interval in {right:.1%} (its width is {width:.1f} times the uplift),")
    print(f"the ordinary interval in {ordinary:.1%}")
    print("processor time in microseconds a click, 20 actions, cycles of 4,000 clicks:")
    print(", ".join(f"{kind} {microseconds(kind):.2f}" for kind in (RULES, MODEL, HYBRID)))
    print(f"assignment to an arm {assigning():.2f}")
    return int(right < 0.93)


if __name__ == "__main__":
    sys.exit(main())
