"""Experiments: who is in which arm, and which definitions are refused."""

import msgspec
import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from models.contract.decision_context import HOLD_OUT
from models.decisions.actions_file import ActionsError
from models.decisions.decision import draw_of
from models.experiments.assignment import Assignment
from models.experiments.definition_file import check_beside, read_definition
from models.experiments.experiment import (
    Arm,
    Experiment,
    ExperimentError,
    check,
    decode_experiment,
    encode_experiment,
)

ACTIONS = 'placement = "shop"\nepsilon = 0.1\n[[actions]]\nname = "nothing"\nkind = "none"\n'
FILE = """
name = "first"
placement = "shop"
hold_out = 0.1
[[arms]]
name = "a"
weight = 0.6
[[arms]]
name = "b"
weight = 0.3
actions = "b.toml"
policy = "rules"
"""
VISITORS = [f"visitor-{number}" for number in range(40_000)]


def experiment(salt: str = "s", *weights: float) -> Experiment:
    arms = [Arm(f"arm{place}", weight) for place, weight in enumerate(weights or (0.5, 0.3, 0.2))]
    return Experiment(name="one", placement="shop", salt=salt, arms=arms)


def test_arms_have_their_shares_of_the_visitors() -> None:
    counts = np.bincount(Assignment(experiment()).places(VISITORS), minlength=3)
    assert chisquare(counts, np.array([0.5, 0.3, 0.2]) * len(VISITORS)).pvalue > 0.001


def test_a_visitor_stays_in_an_arm_alone_or_among_others() -> None:
    assignment = Assignment(experiment())
    places = assignment.places(VISITORS)
    assert (places == Assignment(experiment()).places(VISITORS)).all()
    assert (places[::-1] == assignment.places(VISITORS[::-1])).all()
    assert [assignment.arm(one) for one in VISITORS[:20]] == [f"arm{place}" for place in places[:20]]
    assert assignment.arm("visitor-\N{SNOWMAN}") in assignment.names


@pytest.mark.parametrize("other", ["t", "s1", "1s", "S"])
def test_salts_assign_independently(other: str) -> None:
    one, two = (Assignment(experiment(salt)).places(VISITORS) for salt in ("s", other))
    table = np.zeros((3, 3))
    np.add.at(table, (one, two), 1)
    assert chi2_contingency(table).pvalue > 0.001


def test_the_assignment_is_independent_of_the_draws_of_decisions() -> None:
    places = Assignment(experiment()).places(VISITORS)
    upper = np.array([draw_of(one) >> 52 for one in VISITORS])
    table = np.zeros((3, 2))
    np.add.at(table, (places, upper), 1)
    assert chi2_contingency(table).pvalue > 0.001


def test_these_visitors_are_in_these_arms() -> None:
    """Other programs assign alike: pinned, since a change would move visitors between arms."""
    assert Assignment(experiment()).places(VISITORS[:12]).tolist() == PINNED


PINNED = [2, 1, 0, 1, 0, 0, 2, 0, 0, 2, 0, 2]


def read(text: str, files: dict[str, str] | None = None) -> Experiment:
    known = {"b.toml": ACTIONS} if files is None else files
    return read_definition(text, 5, ACTIONS, known.__getitem__)


def test_a_definition_is_read_with_its_files_inside() -> None:
    made = read(FILE)
    assert made.names == ("a", "b", HOLD_OUT)
    assert (made.salt, made.started_at, made.running) == ("first", 5, True)
    assert made.arms[1] == Arm("b", 0.3, ACTIONS, "rules")
    assert decode_experiment(encode_experiment(made)) == made


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight = 0.3", "weight = 0.4", "a 0.6, b 0.4, hold-out 0.1, together 1.1; expected a sum of 1"),
        ("weight = 0.3", "weight = -0.3", "Expected `float` > 0.0"),
        ('name = "b"', 'name = "a"', "arms named twice: a"),
        ('placement = "shop"', 'placement = "home"', "expected one that workers decide for: shop"),
        ('policy = "rules"', 'policy = "magic"', "found 'magic'; expected one of rules"),
        ('policy = "rules"', 'policy = "learned"', "found the policy 'learned'; expected none"),
        ('name = "a"', 'nam = "a"', "unknown field `nam`"),
        ('name = "a"', 'name = "hold-out"\npolicy = "rules"', "'hold-out'; expected only a weight"),
        ('name = "first"', "name = ", "not TOML"),
        ('name = "first"', 'name = "a b"', "matching regex"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(old: str, new: str, said: str) -> None:
    text = FILE.replace(old, new)
    with pytest.raises((ExperimentError, ActionsError)) as error:
        read(text.replace("hold_out = 0.1", "").replace("0.6", "0.7") if HOLD_OUT in new else text)
    assert said in str(error.value)


def test_one_arm_is_no_experiment() -> None:
    with pytest.raises(ExperimentError, match="1 arms; expected 2 to 16"):
        check(experiment("s", 1.0))


def test_an_arms_own_file_must_be_right() -> None:
    with pytest.raises(ActionsError, match="exactly one"):
        read(FILE, {"b.toml": ACTIONS.replace('kind = "none"', 'kind = "ad"')})


def test_names_are_used_once_and_a_placement_has_one_running_experiment() -> None:
    first = read(FILE)
    second = msgspec.structs.replace(first, name="second")
    stopped = msgspec.structs.replace(first, stopped_at=6)
    with pytest.raises(ExperimentError, match="one of this name already"):
        check_beside(first, [stopped])
    with pytest.raises(ExperimentError, match="first runs at placement 'shop'"):
        check_beside(second, [first])
    check_beside(second, [stopped, msgspec.structs.replace(first, name="x", placement="home")])


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[" * 10_000, b'{"name":"a","placement":"b","salt":"","arms":[]}']
)
def test_a_broadcast_that_is_no_experiment_is_refused(value: bytes) -> None:
    with pytest.raises(ExperimentError):
        decode_experiment(value)
