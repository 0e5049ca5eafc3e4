"""What a decision costs: microseconds a click for each kind of policy, at 20 actions in large cycles.

`python -m tests.bench.policies [--clicks N] [--inputs N] [--masked SHARE]` prints one line a kind, with the
ratio to the rules of the same run. A decision is everything between the contexts of a cycle and the drawn
actions with their distributions: `evaluate`, `choose` and `sample`. What it costs to write the probabilities
as JSON is beside it, since that is a part of encoding the answer.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.decision import Decision, draw_of, sample
from models.decisions.policy import Policy
from models.decisions.rules_policy import RulesPolicy
from models.guidance.guidance_policy import HYBRID, MODEL, RULES
from models.policies.learned_policy import load
from tests.bench.guidance import microseconds
from tests.policies import KINDS, contexts, files
from trainer.policies.policy_settings import DEFAULT_PARTS

ACTIONS, CLICKS, INPUTS, MASKED, ROUNDS = 20, 4000, 24, 0.2, 7
#: The limit of a decision in microseconds.
LIMIT = 5.0
LEARNED = tuple(kind for kind in KINDS if kind not in ("rules", "uniform"))


class Cost(NamedTuple):
    """Best of the rounds, in microseconds of processor time a click: all of it, `evaluate` alone, and the
    probabilities' text.

    Processor time, because other processes disturb; a decision waits for nothing.
    """

    kind: str
    whole: float
    evaluation: float
    text: float


def action_set(count: int) -> ActionSet:
    """`none`, and ads, coupons and nudges with rules, costs and prices."""
    entries = ['placement = "home"\nepsilon = 0.05\n[[actions]]\nname = "nothing"\nkind = "none"\n']
    for number in range(1, count):
        kind = ("ad", "coupon", "nudge")[number % 3]
        more = f"cost = {number}\n" if kind == "coupon" else ""
        entries.append(
            f'[[actions]]\nname = "{kind}_{number}"\nkind = "{kind}"\nweight = {number}\n{more}'
            f"when = {{ min_probability = {number / 100} }}\n"
        )
    return ActionSet.load("".join(entries))


def cycle(actions: ActionSet, clicks: int, inputs: int, masked: float) -> list[Context]:
    """Contexts of which a share `masked` has a mask of its own; the others allow everything."""
    rng = np.random.default_rng(0)
    return [
        one if rng.random() < masked else replace(one, mask=actions.all_bits)
        for one in contexts(clicks, actions, inputs)
    ]


def cost(kind: str, policy: Policy, given: list[Context]) -> Cost:
    """The best of some rounds over the same cycle."""
    draws = [draw_of(f"e{number}") for number in range(len(given))]
    masks, actions = [one.mask for one in given], policy.actions

    def decide() -> list[Decision]:
        evaluations = policy.evaluate(given)
        return [
            sample(actions, evaluation, mask, draw)
            for evaluation, mask, draw in zip(evaluations, masks, draws, strict=True)
        ]

    distributions = [one.distribution for one in decide()]
    parts = decide, lambda: policy.evaluate(given), lambda: [one.text for one in distributions]
    return Cost(kind, *(_best(part, len(given)) for part in parts))


def _best(work: Callable[[], object], clicks: int) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return 1e6 * min(seconds) / clicks


def costs(clicks: int = CLICKS, inputs: int = INPUTS, masked: float = MASKED) -> list[Cost]:
    """Of the rules first, then of every kind of learned policy."""
    actions = action_set(ACTIONS)
    given = cycle(actions, clicks, inputs, masked)
    found = [cost("rules", RulesPolicy(actions), given)]
    for kind in LEARNED:
        made = files(kind, actions, inputs, head=16, parts=tuple(DEFAULT_PARTS))
        found.append(cost(kind, load(made, actions), given))
    return found


def decision_costs(clicks: int, say: Callable[[str], None]) -> dict[str, float]:
    """By `KIND_us` microseconds a decision, of the policies of guidance as well."""
    found = {one.kind: one.whole for one in costs(clicks)}
    found |= {kind: microseconds(kind, ACTIONS, clicks) for kind in (RULES, MODEL, HYBRID)}
    for kind, spent in found.items():
        say(f"a decision of {kind}: {spent:.2f} µs a click")
    return {f"{kind}_us": spent for kind, spent in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=CLICKS, help="Contexts of a cycle.")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="Numbers of a context's vector.")
    parser.add_argument("--masked", type=float, default=MASKED, help="Share with a mask of its own.")
    said = parser.parse_args()
    found = costs(said.clicks, said.inputs, said.masked)
    print(
        f"{ACTIONS} actions, {said.clicks:,} clicks a cycle, {said.inputs} inputs, {said.masked:.0%} masked"
    )
    for one in found:
        print(
            f"{one.kind:<10}{one.whole:7.2f} us a click (evaluate {one.evaluation:.2f}), "
            f"{one.whole / found[0].whole:.1f} times the rules; text {one.text:.2f}"
            f"{' ABOVE THE LIMIT' * (one.whole > LIMIT)}"
        )


if __name__ == "__main__":
    main()
