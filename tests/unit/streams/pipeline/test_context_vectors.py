"""A policy's inputs: features of the click, and the session state as the visitor's record has it."""

import numpy as np
import pytest

from models.contract.decision_context import inputs_mark
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.verify import verify
from models.features import features
from models.policies.context_columns import Column
from models.policies.learned_policy import load
from models.state.visitor import decode
from streams.partition_state.visitors import key_of
from streams.pipeline.context_vectors import ContextVectors
from tests import tiny_policies
from tests.offline import ACTIONS, Offline, records
from tests.tiny import version as tiny

LEARNED = ActionSet.load(f'policy = "learned"\n{ACTIONS}')
WIDTH = 16
STATES = tuple(Column(f"hidden:{number}") for number in range(WIDTH))


def clicks(count: int, **fields: object) -> list[dict[str, object]]:
    return [
        {
            "event_id": f"e{number}",
            "visitor_id": f"v{number % 3}",
            "ts": 1_700_000_000_000 + number * 1000,
            "event": "view_item",
            "item_id": f"i{number % 5}",
            **fields,
        }
        for number in range(count)
    ]


def policy(columns: tuple[Column, ...]):
    return load(tiny_policies.files(LEARNED, columns=columns), LEARNED)


def test_session_states_are_those_of_the_visitors_record(tmp_path) -> None:
    worker = Offline(tiny(tmp_path, width=WIDTH), policy=policy((*tiny_policies.COLUMNS, *STATES)))
    decisions = worker.run(records(clicks(9)), 9)[0][worker.names.ad_decisions]
    for visitor in range(3):
        record = worker.reader.get([key_of(f"v{visitor}".encode())])[0]
        state = np.frombuffer(decode(record).hidden, dtype=np.float16)
        vectors = [one["context"]["vector"] for one in decisions if one["visitor_id"] == f"v{visitor}"]
        assert state.any()
        assert [vector[1:] for vector in vectors] == [state.astype(float).tolist()] * 3


def test_states_are_zeros_without_a_network_and_without_consent(tmp_path) -> None:
    lower = Offline(None, policy=policy(STATES))
    refusing = Offline(tiny(tmp_path, width=WIDTH), policy=policy(STATES))
    for worker, said in ((lower, clicks(4)), (refusing, clicks(4, consent=False))):
        decisions = worker.run(records(said), 4)[0][worker.names.ad_decisions]
        assert [one["context"]["vector"] for one in decisions] == [[0.0] * WIDTH] * 4


def test_a_state_that_the_network_does_not_have_is_zero(tmp_path) -> None:
    worker = Offline(tiny(tmp_path, width=WIDTH), policy=policy((Column("hidden:999"),)))
    decisions = worker.run(records(clicks(3)), 3)[0][worker.names.ad_decisions]
    assert [one["context"]["vector"] for one in decisions] == [[0.0]] * 3


@pytest.mark.parametrize("name", ["weather", "hidden:", "hidden:-1", "hidden:01", "hidden:x", "hidden:99999"])
def test_a_column_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ActionsError, match="correct its inputs"):
        ContextVectors(policy((Column(name),)))


def test_rules_are_recorded_with_the_files_inputs_and_verified(tmp_path) -> None:
    rules = ActionSet.load(f'inputs = ["price", "hidden:3"]\n{ACTIONS}')
    decided = []
    for actions in (rules, ActionSet.load(ACTIONS)):
        worker = Offline(tiny(tmp_path, width=WIDTH), actions=actions)
        decided.append(worker.run(records(clicks(30, price=12.5)), 30)[0][worker.names.ad_decisions])
    with_inputs, without = decided
    vectors = np.array([one["context"]["vector"] for one in with_inputs])
    assert vectors.all()
    assert [one["action"] for one in with_inputs] == [one["action"] for one in without]
    assert {one["policy_version"] for one in with_inputs} == {
        f"{one['policy_version']}{inputs_mark(rules.inputs)}" for one in without
    }
    assert [difference for one in with_inputs for difference in verify(one, rules)] == []


def test_features_keep_their_place_between_states() -> None:
    read = ContextVectors(policy((STATES[0], Column(features.NAMES[0]), STATES[1])))
    assert (read._at, read._hidden_at, read._hidden) == ([1], [0, 2], [0, 1])
