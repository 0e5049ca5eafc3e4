"""A simulated day with budgets: its actions file, its clicks, and what must hold of its decisions."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.stats import chi2

from models.constraints.accounts import plans
from models.constraints.fields import Pacing
from models.constraints.pacing import released
from models.decisions.actions import ActionSet
from models.decisions.verify import Verifier
from models.durations import DAY_MS
from tests.e2e.load import Pair
from tests.e2e.worker import START, click, encoded

MIDNIGHT = (START // DAY_MS + 1) * DAY_MS
VISITORS, ACTIVE, TURN = 6_000, 400, 2_000
CLOCKS, DAYS_AFTER = 24, (3, 6)
EVENTS = ("view_item", "view_item", "view_item_list", "search", "add_to_cart", "begin_checkout")


def actions_text(clicks: int, coupons: float = 1.0) -> str:
    """Actions whose budgets pay for a part of the clicks; `coupons` scales the coupons' budget."""
    day = datetime.fromtimestamp(MIDNIGHT / 1000, UTC).isoformat()
    end = datetime.fromtimestamp((MIDNIGHT + DAY_MS) / 1000, UTC).isoformat()
    return f"""
placement = "shop"
epsilon = 0.2
holdout = {{ share = 0.05, salt = "day" }}

[[flights]]
name = "even"
budget_per_day = {0.10 * clicks * 0.02:.3f}

[[flights]]
name = "ahead"
start = {day}
end = {end}
budget = {0.05 * clicks * 0.03:.3f}
pacing = "ahead"

[[flights]]
name = "coupons"
start = {day}
end = {end}
budget = {coupons * 0.004 * clicks * 2.5:.3f}
pacing = "asap"

[[actions]]
name = "nothing"
kind = "none"

[[actions]]
name = "even_ad"
kind = "ad"
weight = 5.0
cost = 0.02
flight = "even"
max_risk = 1.0
explore_when = {{ events = ["view_item", "search"] }}

[[actions]]
name = "ahead_ad"
kind = "ad"
weight = 4.0
cost = 0.03
flight = "ahead"
caps = {{ per_day = 30 }}
audience = 'event != "begin_checkout"'

[[actions]]
name = "coupon"
kind = "coupon"
weight = 6.0
cost = 2.5
flight = "coupons"
when = {{ events = ["add_to_cart"] }}
caps = {{ per_session = 1, per_day = 1, cooldown_minutes = 600 }}

[[actions]]
name = "capped"
kind = "nudge"
weight = 1.0
caps = {{ per_session = 3, per_day = 8, cooldown_minutes = 4 }}
"""


def day_of_clicks(count: int) -> Iterator[Pair]:
    """Clicks evenly over the day, of visitors who come for a while and come back later.

    Every ninth tells that the visitor's last decision was seen.
    """
    chosen = random.Random(7)
    last: dict[int, int] = {}
    for number in range(count):
        visitor = (number // TURN * 137 + chosen.randrange(ACTIVE)) % VISITORS
        ts, event = MIDNIGHT + number * DAY_MS // count, chosen.choice(EVENTS)
        fields: dict[str, Any] = {} if event == "search" else {"price": 20.0}
        if number % 9 == 0 and visitor in last:
            event, fields = "view_promotion", {"decision_id": f"e{last[visitor]}:shop"}
        last[visitor] = number
        yield encoded([click(number, f"v{visitor}", ts, event=event, **fields)])[0]


def days_after(count: int) -> list[Pair]:
    """Clicks of the following days, in every partition, by which the windows of the day's decisions close."""
    return [
        encoded([click(count + number, f"clock{number % CLOCKS}", MIDNIGHT + days * DAY_MS)])[0]
        for number, days in enumerate(days for days in DAYS_AFTER for _ in range(CLOCKS))
    ]


def verified(decisions: Iterable[dict[str, Any]], texts: Sequence[str]) -> Counter[str]:
    """Recompute every decision with the file that it names. Returns how many there were of each version."""
    by_version: dict[str, Verifier] = {}
    for text in texts:
        verifier = Verifier(ActionSet.load(text))
        by_version |= dict.fromkeys(verifier._versions("rules"), verifier)
    counted: Counter[str] = Counter()
    for one in decisions:
        assert by_version[one["policy_version"]].differences(one) == []
        counted[one["policy_version"]] += 1
    return counted


def check_caps(decisions: Iterable[dict[str, Any]], actions: ActionSet) -> int:
    """No visitor was served more than the caps allow. Returns how many servings had caps."""
    caps = {one.name: one.caps for one in actions.actions}
    days: Counter[tuple[str, str]] = Counter()
    sessions: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], int] = {}
    served = 0
    for one in sorted(decisions, key=lambda one: one["ts"]):
        if one["context"]["click"] == 1:
            for name in caps:
                sessions.pop((one["visitor_id"], name), None)
        key, cap = (one["visitor_id"], one["action"]), caps[one["action"]]
        days[key] += 1
        sessions[key] += 1
        assert days[key] <= (cap.per_day or np.inf), key
        assert sessions[key] <= (cap.per_session or np.inf), key
        if cap.cooldown_minutes and key in last:
            assert one["ts"] - last[key] >= cap.cooldown_minutes * 60_000, key
        last[key] = one["ts"]
        served += bool(cap.per_day)
    return served


def check_rewards(decisions: Iterable[dict[str, Any]], rewards: Iterable[dict[str, Any]]) -> int:
    """Each decision of the day but `none` has exactly one reward record. Returns how many were seen."""
    made = {
        one["decision_id"]: one
        for one in decisions
        if one["action"] != "nothing" and one["ts"] < MIDNIGHT + 4 * DAY_MS
    }
    told, seen = Counter[str](), 0
    for one in rewards:
        told[one["decision_id"]] += 1
        decision = made[one["decision_id"]]
        assert (one["propensity"], one["context"]) == (decision["propensity"], decision["context"])
        seen += any(outcome["event"] == "shown" for outcome in one["outcomes"])
    assert told == Counter(dict.fromkeys(made, 1))
    return seen


def spend(decisions: Iterable[dict[str, Any]], actions: ActionSet) -> dict[str, list[tuple[int, int]]]:
    """By account the times and costs (thousandths) of what was served, in order of event time."""
    charges = {actions.names[at]: charge for at, charge in actions.limits.charges.items()}
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in sorted(decisions, key=lambda one: one["ts"]):
        if (charge := charges.get(one["action"])) is not None:
            for account in charge.accounts(one["ts"]):
                found[account].append((one["ts"], charge.cost))
    return found


def pacing_errors(spent: dict[str, list[tuple[int, int]]], actions: ActionSet) -> dict[str, float]:
    """By account the largest distance from the curve over the day, as a share of the budget.

    Asserts that no budget is overspent.
    """
    found = {}
    for plan in plans(actions.flights, actions.actions, [MIDNIGHT // DAY_MS]):
        times = np.array([ts for ts, _ in spent[plan.name]])
        sums = np.cumsum([cost for _, cost in spent[plan.name]])
        assert sums[-1] <= plan.budget, f"{plan.name}: {sums[-1]} of {plan.budget}"
        marks = np.linspace(MIDNIGHT, MIDNIGHT + DAY_MS, 200)
        reached = np.concatenate([[0], sums])[np.searchsorted(times, marks, side="right")]
        ideal = [ideal_at(plan.budget, plan.pacing, int(mark)) for mark in marks]
        found[plan.name] = float(np.max(np.abs(reached - ideal)) / plan.budget)
        print(f"{plan.name}: {sums[-1] / plan.budget:.1%} spent, off the curve by {found[plan.name]:.1%}")
    return found


def ideal_at(budget: int, pacing: Pacing, now: int) -> int:
    """What should have been spent."""
    return released(budget, pacing, MIDNIGHT, MIDNIGHT + DAY_MS, now)


def propensity_p_value(decisions: Iterable[dict[str, Any]]) -> tuple[float, int]:
    """Chi-square of the chosen actions against the distributions that they were drawn from.

    Returns the p-value and the degrees of freedom. Rare actions of a distribution are counted together.
    """
    drawn: dict[tuple[tuple[str, float], ...], Counter[str]] = defaultdict(Counter)
    for one in decisions:
        drawn[tuple(sorted(one["probabilities"].items()))][one["action"]] += 1
    total, freedom = 0.0, 0
    for distribution, counts in drawn.items():
        number = counts.total()
        likely = [name for name, share in distribution if share * number >= 5]
        expected = [share * number for name, share in distribution if name in likely]
        rest = number - sum(expected)
        observed = [counts[name] for name in likely]
        if rest >= 5:
            expected.append(rest)
            observed.append(number - sum(observed))
        if len(expected) > 1:
            # Where the rest is left out, the expectation is scaled to what was observed.
            scale = sum(observed) / sum(expected)
            total += sum((o - e * scale) ** 2 / (e * scale) for o, e in zip(observed, expected, strict=True))
            freedom += len(expected) - 1
    return float(chi2.sf(total, freedom)), freedom
