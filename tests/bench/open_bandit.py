"""Off-policy estimates on the Open Bandit sample against the other policy's own log.

    python -m tests.bench.open_bandit

Two policies chose fashion items in the same week, 10,000 rows each: one at random, one by Bernoulli Thompson
sampling (BTS). Each is evaluated from the log of the other, and compared with its own clicks.

A row is one of three positions of an impression; rows have no visitor. The value is clicks a row. BTS knows
no context and changes with time; its probabilities are not logged for items that it did not show. For a row
of the random log they are taken to be its mean ones at that position over the week: the harmonic mean of the
logged propensities of an item, divided by their sum. It is harmonic because an item is shown the more often
the larger its propensity is.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.off_policy.fixed_policies import Uniform
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.policy_reports.policy_value import EvaluationSettings, PolicyJudge, mean_reward, report

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "open_bandit"
CAMPAIGNS = ("all", "men", "women")
POLICIES = ("random", "bts")
SHOWN = ("dm", "ips", "ips_clipped", "snips", "dr", "switch_dr", "dros")
HOW = HowRead(
    {"action": "item_id", "reward": "click", "propensity": "propensity_score", "ts": "timestamp"},
    ("position:word", *(f"user_feature_{number}:word" for number in range(4))),
)


@dataclass(frozen=True)
class AveragePolicy:
    """Mean probabilities of a log by position: `shares` float64 [positions, k], `sums` before division."""

    name: str
    actions: tuple[str, ...]
    positions: tuple[str, ...]
    shares: NDArray[np.float64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, logged: LoggedDecisions) -> "AveragePolicy":
        place = logged.context["position"]
        positions = tuple(sorted(place.unique().to_list()))
        rows = [_harmonic(logged, (place == one).to_numpy()) for one in positions]
        means = np.array(rows)
        sums = means.sum(axis=1)
        return cls(name, logged.actions, positions, means / sums[:, None], sums)

    def probabilities(self, logged: LoggedDecisions) -> NDArray[np.float64]:
        place = [self.positions.index(one) for one in logged.context["position"]]
        found = np.zeros((len(logged), len(logged.actions)))
        found[:, [logged.actions.index(one) for one in self.actions]] = self.shares[place]
        return found


def _harmonic(logged: LoggedDecisions, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    action, inverse = logged.action[rows], 1 / logged.propensity[rows]
    count = np.bincount(action, minlength=len(logged.actions))
    total = np.bincount(action, inverse, minlength=len(logged.actions))
    return np.divide(count, total, out=np.zeros(len(count)), where=total > 0)


def read(data: Path, policy: str, campaign: str) -> LoggedDecisions:
    """One log of the sample."""
    return read_decisions([data / policy / campaign / f"{campaign}.csv.gz"], HOW).decisions


Direction = tuple[str, LoggedDecisions, LoggedDecisions, EvaluatedPolicy]


def directions(data: Path, campaign: str) -> Iterator[Direction]:
    """Name, log, the evaluated policy's own log, and the policy."""
    random, bts = (read(data, policy, campaign) for policy in POLICIES)
    yield "bts from random", random, bts, AveragePolicy.of("bts", bts)
    yield "random from bts", bts, random, Uniform()


def figures(data: Path, campaign: str) -> Iterator[dict[str, Any]]:
    """One report for each direction, with the policy's own clicks and what the intervals tell."""
    for name, logged, own, policy in directions(data, campaign):
        judge = PolicyJudge(logged, EvaluationSettings())
        found = report(judge, judge.judge(policy))
        truth = PolicyJudge(own, EvaluationSettings(reward_model="means")).figures(mean_reward(own))
        yield found | {"campaign": campaign, "direction": name, "truth": truth}


def table(found: dict[str, Any]) -> list[str]:
    """Lines of one direction. An interval that has the logging policy's own clicks tells nothing of both."""
    truth, base = found["truth"], found["on_policy"]["value"]
    lines = [
        f"{found['campaign']}, {found['direction']}: own log {truth['value']:.5f} ({truth['low']:.5f} to "
        f"{truth['high']:.5f}), logging policy {base:.5f}, reward model {found['reward_model']['model']}, "
        f"effective decisions {found['overlap']['effective']:,.0f}, mean weight "
        f"{found['overlap']['mean_weight']:.3f}, largest {found['overlap']['largest_weight']:,.1f}"
    ]
    for name in SHOWN:
        one = found[name]
        holds = "holds own" if one["low"] <= truth["value"] <= one["high"] else "misses own"
        apart = "cannot tell from logging" if one["low"] <= base <= one["high"] else "tells from logging"
        lines.append(
            f"  {name:12} {one['value']:9.5f} {one['low']:9.5f} {one['high']:9.5f} {one['ess']:8,.0f}  "
            f"{holds}, {apart}"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder with random/ and bts/")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    if not given.data.is_dir():
        raise SystemExit(f"{given.data} is no folder: name that of the Open Bandit sample by --data")
    found = [one for campaign in CAMPAIGNS for one in figures(given.data, campaign)]
    for one in found:
        print("\n".join(table(one)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
