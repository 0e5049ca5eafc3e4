"""A policy with inputs: records hold its context vector and verify; nothing of who refused is on them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.decisions import policy_kinds
from models.decisions.action_distribution import Distribution
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE, ActionsError
from models.decisions.policy import PolicyChoice
from models.decisions.verify import verify
from tests.offline import ACTIONS, Offline, records
from tests.unit.streams.pipeline.test_processor import DECISIONS, event

TEXT = f'policy = "price"\n{ACTIONS}'
#: `price` is the first input.
INPUTS = ("price", "session_add_to_cart")


class PricePolicy:
    """The dearer the item, the likelier is an action; it costs more thought than rules, and no more code."""

    name, inputs = "price", INPUTS

    def __init__(self, actions: ActionSet) -> None:
        self.actions, self.version = actions, actions.digest("price/1")

    def evaluate(self, contexts: Sequence[Context]) -> Sequence["Evaluated"]:
        return [Evaluated(self.actions, 1 / (1 + math.exp(-(one.vector or (0.0,))[0]))) for one in contexts]

    def explain(self, context: Context, draw: int) -> DecisionExplanation:
        return DecisionExplanation("by price", "price", "", [], [], {}, 0.0, 1.0)


class Evaluated(NamedTuple):
    actions: ActionSet
    share: float

    def choose(self, mask: int) -> PolicyChoice:
        others = [at for at in range(len(self.actions.names)) if mask >> at & 1 and at != self.actions.none]
        units = [0] * len(self.actions.names)
        for position in others:
            units[position] = int(self.share * ONE) // len(others)
        units[self.actions.none] = ONE - sum(units)
        return PolicyChoice(Distribution.of_units(self.actions.names, units), self.actions.none)


@pytest.fixture(autouse=True)
def _price(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**policy_kinds.POLICIES, "price": lambda actions: (PricePolicy(actions),)}
    monkeypatch.setattr(policy_kinds, "POLICIES", table)


def test_decisions_have_their_vector_and_verify_from_their_records() -> None:
    clicks = [event(number, price=price) for number, price in enumerate((1.0, 50.0, 2_000.0))]
    (answers,) = Offline(actions=TEXT).run(records([*clicks, event(3, consent=False)]), 10)
    decisions = answers[DECISIONS]
    actions = ActionSet.load(TEXT)
    assert [verify(one, actions) for one in decisions] == [[]] * 4
    assert {one["policy"] for one in decisions} == {"price"}
    *agreed, refused = [one["context"]["vector"] for one in decisions]
    assert len({prices for prices, _ in agreed}) == 3
    assert refused == [0.0, 0.0]
    assert decisions[3]["action"] == actions.names[actions.none]
    changed = decisions[0] | {"context": decisions[0]["context"] | {"vector": [9.0, 0.0]}}
    assert verify(changed, actions) != []


def test_an_input_that_is_no_feature_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PricePolicy, "inputs", ("price", "shoe_size"))
    with pytest.raises(ActionsError, match=r"price decides from \['shoe_size'\]"):
        Offline(actions=TEXT)


def test_the_policy_explains_its_own_decisions() -> None:
    (answers,) = Offline(actions=TEXT).run(records([event(0, explain=True)]), 10)
    assert answers[DECISIONS][0]["explanation"]["text"] == "by price"
