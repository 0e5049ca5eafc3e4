"""The table of policies: an actions file names one, and what it cannot do is refused in words."""

from collections.abc import Sequence

import pytest

from models.contract.decision_context import MAX_INPUTS, Context
from models.decisions import policy_kinds
from models.decisions.action_distribution import Distribution
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE, ActionsError
from models.decisions.decision import decide, record_fields
from models.decisions.policy import PolicyChoice
from models.decisions.policy_kinds import policy_of
from models.decisions.rules_policy import RulesPolicy
from models.decisions.verify import verify

TEXT = (
    'placement = "shop"\nepsilon = 0.0\n[[actions]]\nname = "nothing"\nkind = "none"\n'
    '[[actions]]\nname = "ad"\nkind = "ad"\n'
)
EVERY = 0b11


class LastAction:
    """Always the last action, whatever is allowed, which a policy must not do."""

    name, inputs = "last", ("price",) * (MAX_INPUTS + 1)

    def __init__(self, actions: ActionSet) -> None:
        self.actions, self.version = actions, actions.digest("last")

    def evaluate(self, contexts: Sequence[Context]) -> Sequence["LastAction"]:
        return [self for _ in contexts]

    def choose(self, mask: int) -> PolicyChoice:
        return PolicyChoice(Distribution.of_units(self.actions.names, (0, ONE)), 1)

    def explain(self, context, draw):
        raise NotImplementedError


@pytest.fixture
def last(monkeypatch: pytest.MonkeyPatch) -> ActionSet:
    table = {**policy_kinds.POLICIES, "last": lambda actions: (LastAction(actions),)}
    monkeypatch.setattr(policy_kinds, "POLICIES", table)
    return ActionSet.load(f'policy = "last"\n{TEXT}')


@pytest.mark.parametrize("text", [TEXT, f'policy = "rules"\n{TEXT}'])
def test_the_rules_decide_unless_the_file_names_another_policy(text: str) -> None:
    assert isinstance(policy_of(ActionSet.load(text)), RulesPolicy)


def test_an_unknown_policy_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(ActionsError, match="found 'linear'; expected one of rules"):
        policy_of(ActionSet.load(f'policy = "linear"\n{TEXT}'))


def test_more_inputs_than_a_record_may_hold_are_refused(last: ActionSet) -> None:
    with pytest.raises(ActionsError, match="65 inputs; expected at most 64"):
        policy_of(last)


def test_a_policy_cannot_leave_the_mask(last: ActionSet) -> None:
    policy = LastAction(last)
    assert decide(policy, Context(0.1, "cart", 0, "login", 1, EVERY), 5).action == "ad"
    with pytest.raises(ValueError, match="the policy gave ad a probability, which mask 0b1 leaves out"):
        decide(policy, Context(0.1, "cart", 0, "login", 1, 0b01), 5)


def test_a_record_names_its_policy_and_is_verified_by_it(last: ActionSet) -> None:
    policy = LastAction(last)
    context = Context(0.1, "cart", 0, "login", 1, EVERY, vector=[0.0] * (MAX_INPUTS + 1))
    record = {"event_id": "e1", **record_fields(policy, "e1", context, decide(policy, context, 5), 5)}
    assert (record["policy"], record["policy_version"]) == ("last", last.digest("last"))
    shorter = record | {"context": record["context"] | {"vector": [0.5]}}
    assert verify(shorter, last) == ["context: vector of 1 numbers, policy last has 65"]
    assert "which this program does not know" in verify(record | {"policy": "gone"}, last)[0]
