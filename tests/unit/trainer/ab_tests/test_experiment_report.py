"""The report of an experiment: visitors as units, windows that are over, comparisons, alarm, uplift."""

import msgspec
import numpy as np
import pytest

from models.contract.decision_context import HOLD_OUT
from models.experiments.experiment import Arm, Experiment
from trainer.ab_tests.experiment_picture import picture
from trainer.ab_tests.experiment_report import report
from trainer.ab_tests.experiment_visitors import Visitors, decision_row, visitors_of

HOUR = 3_600_000
TRIAL = Experiment(
    name="t", placement="shop", salt="s", arms=[Arm("a", 0.45), Arm("b", 0.45), Arm(HOLD_OUT, 0.1)]
)
PAIR = msgspec.structs.replace(TRIAL, arms=[Arm("a", 0.5), Arm("b", 0.5)])


def row(visitor: str, ts: int, arm: str, event: str = "view_item", action: str = "nothing", **fields):
    context = {"purchase_probability": 0.1, "stage": "browsing", "cart_milli": 0, "event": event, "arm": arm}
    record = {
        "event_id": f"{visitor}-{ts}",
        "visitor_id": visitor,
        "ts": ts,
        "action": action,
        "context": context | fields,
    }
    return decision_row(record)


def test_a_visitors_outcomes_are_those_of_the_window() -> None:
    rows = [
        row("v", 0, "a", action="coupon"),
        row("v", 5, "a", "purchase"),
        row("v", 5, "a", "purchase"),
        row("v", HOUR, "a", "purchase", action="coupon"),
        row("w", 3, "b", "purchase"),
        row("x", HOUR, "a"),
        row("y", 1, "a"),
        row("y", 2, "b"),
    ]
    paid = {"v-5": 20.0, f"v-{HOUR}": 99.0, "w-3": 7.0}
    found = visitors_of(PAIR, rows, paid, {"coupon": 3.0}, HOUR, margin=0.5)
    assert (len(found), found.pending, found.moved) == (1 + 0, 2, 1)
    assert found.assigned.tolist() == [2, 1]
    later = visitors_of(PAIR, rows, paid, {"coupon": 3.0}, HOUR, as_of=2 * HOUR, margin=0.5)
    outcomes = {name: values.tolist() for name, values in later.outcomes.items()}
    # The first click's own purchase, w's, is no outcome; v's second one is outside the window.
    assert outcomes["conversion"] == [1.0, 0.0, 0.0]
    assert outcomes["value"] == [20.0, 0.0, 0.0]
    assert outcomes["cost"] == [3.0, 0.0, 0.0]
    assert outcomes["net"] == [7.0, 0.0, 0.0]


def simulated(count: int, effect: float, trial: Experiment = TRIAL, seed: int = 1) -> Visitors:
    """Visitors of whom those at `cart` buy more if they are treated, others not."""
    random = np.random.default_rng(seed)
    arms = random.choice(len(trial.arms), count, p=[arm.weight for arm in trial.arms])
    rows, paid = [], {}
    for number, place in enumerate(arms.tolist()):
        name, stage = trial.names[place], "cart" if random.random() < 0.5 else "browsing"
        rows.append(row(f"v{number}", number, name, stage=stage))
        helped = name != HOLD_OUT and stage == "cart"
        if random.random() < 0.2 + effect * helped:
            rows.append(row(f"v{number}", number + 1, name, "purchase", stage=stage))
            paid[f"v{number}-{number + 1}"] = 10.0
    return visitors_of(trial, rows, paid, {}, 10, as_of=count + 100)


def test_a_report_compares_arms_and_says_whom_to_treat() -> None:
    visitors = simulated(6000, 0.3)
    found = report(TRIAL, visitors, "conversion", 6000)
    assert [arm.name for arm in found.arms] == ["a", "b", HOLD_OUT]
    assert not found.alarm
    by_name = {(one.arm, one.metric): one for one in found.comparisons}
    assert not by_name["b", "conversion"].decided
    assert by_name[HOLD_OUT, "conversion"].decided
    assert "hold-out is behind a in conversion by 0.1" in found.sentence
    assert found.uplift is not None
    segments = {one.name: one for one in found.uplift.segments}
    assert segments["stage: cart"].uplift == pytest.approx(0.3, abs=0.1)
    assert abs(segments["stage: browsing"].uplift) < 0.08
    assert {one.name for one in found.uplift.learners} == {"T-learner", "DR-learner"}
    assert all(one.qini > 0 for one in found.uplift.learners)
    assert picture(found, visitors, "conversion", 6000).startswith(b"<?xml")
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


def test_without_an_effect_nothing_is_claimed() -> None:
    found = report(PAIR, simulated(3000, 0.0, PAIR), "conversion", 3000)
    assert found.sentence == "No arm differs in conversion yet: every interval still includes 0."
    assert found.uplift is None


def test_a_wrong_ratio_is_said_before_anything_else() -> None:
    """The visitors are those of equal arms, the definition says otherwise."""
    other = msgspec.structs.replace(PAIR, arms=[Arm("a", 0.6), Arm("b", 0.4)])
    found = report(other, simulated(3000, 0.0, PAIR), "conversion", 3000)
    assert found.alarm
    assert found.sentence.startswith("The arms do not have their shares of the visitors")


@pytest.mark.parametrize("rows", [[], [row("v", 0, "a")]])
def test_a_young_experiment_has_a_report(rows) -> None:
    visitors = visitors_of(TRIAL, rows, {}, {}, HOUR)
    found = report(TRIAL, visitors, "net", 1000)
    assert found.pending == len(rows)
    assert all(one.low is None for one in found.comparisons)
    assert picture(found, visitors, "net", 1000).startswith(b"<?xml")
