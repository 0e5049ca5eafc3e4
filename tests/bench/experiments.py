"""How often the figures of experiments are wrong, by simulation (`docs/policies/experiments.md`).

`python -m tests.bench.experiments` looks after every visitor at 1,000 experiments of 2,000 visitors each.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from trainer.ab_tests.ratio_mismatch import ALARM, mismatch
from trainer.ab_tests.sequential import LEAST, always_valid, running

RUNS, STEPS, ALPHA = 1_000, 2_000, 0.05
#: Outcomes by name: how likely one is other than 0, and whether it is money (lognormal).
KINDS = {
    "2% buy": (0.02, False),
    "20% buy": (0.2, False),
    "money of 5%": (0.05, True),
    "money of 20%": (0.2, True),
}


def drawn(
    kind: str, random: np.random.Generator, factor: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    """Outcomes [STEPS, RUNS]; `factor` multiplies the chance of a purchase."""
    chance, money = KINDS[kind]
    bought = random.random((STEPS, RUNS)) < chance * factor
    return np.where(bought, random.lognormal(3, 1, bought.shape), 0.0) if money else bought.astype(np.float64)


def figures(kind: str, seed: int) -> tuple[float, float, float]:
    """Shares of experiments that ever claim a difference where there is none: always-valid, ordinary
    intervals; and shares that find 1.5 times as many purchases, with the always-valid one.
    """
    random = np.random.default_rng(seed)
    member = random.random((STEPS, RUNS)) < 0.5
    seen = drawn(kind, random)
    one, other = running(seen, member), running(seen, ~member)
    found = always_valid(one, other, STEPS, ALPHA)
    wrong = ((found.low > 0) | (found.high < 0)).any(axis=0).mean()
    error = np.sqrt(one.variance / np.maximum(one.number, 1) + other.variance / np.maximum(other.number, 1))
    ordinary = (np.abs(found.estimate)[LEAST:] > 1.96 * error[LEAST:]).any(axis=0).mean()
    better = drawn(kind, random, np.where(member, 1.5, 1.0))
    claimed = always_valid(running(better, member), running(better, ~member), STEPS, ALPHA)
    return float(wrong), float(ordinary), float((claimed.low > 0).any(axis=0).mean())


def alarms(shares: tuple[float, ...], truth: tuple[float, ...], seed: int) -> tuple[float, float]:
    """Shares of experiments that ever raise the alarm: at its level, and at 5%."""
    random = np.random.default_rng(seed)
    least = []
    for _ in range(RUNS):
        arms = random.choice(len(shares), size=5 * STEPS, p=truth)
        least.append(mismatch(np.cumsum(arms[:, None] == np.arange(len(shares)), axis=0), shares).min())
    return float((np.array(least) <= ALARM).mean()), float((np.array(least) <= ALPHA).mean())


def main() -> int:
    """Print the tables; 1 where an always-valid interval is wrong too often."""
    print("| outcome | wrong, always-valid | wrong, ordinary | finds 1.5 times as many buyers |")
    print("|---|---|---|---|")
    most = 0.0
    for seed, kind in enumerate(KINDS):
        wrong, ordinary, found = figures(kind, seed)
        most = max(most, wrong)
        print(f"| {kind} | {wrong:.1%} | {ordinary:.1%} | {found:.1%} |")
    given, lost = (0.5, 0.3, 0.2), (0.5102, 0.3061, 0.1837)
    for said, truth in (("right shares", given), ("a tenth of an arm lost", lost)):
        strict, loose = alarms(given, truth, 9)
        print(f"sample-ratio alarm over {5 * STEPS:,} visitors, {said}: {strict:.1%}; at 5%: {loose:.1%}")
    return int(most > ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / RUNS))


if __name__ == "__main__":
    sys.exit(main())
