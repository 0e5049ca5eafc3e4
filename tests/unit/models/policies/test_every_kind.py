"""What every kind of learned policy must do, by one suite for all of them."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import deploy
from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE
from models.decisions.decision import decide, draw_of, record_fields
from models.decisions.rules_policy import RulesPolicy
from models.policies.head_kinds import HEADS
from models.policies.learned_policy import LearnedPolicy, load
from models.policies.policy_errors import LearnedPolicyError
from tests.kernels import uncompile
from tests.policies import KINDS, contexts, files

TEXT = (Path(deploy.__file__).parent / "data" / "actions.toml").read_text()
ACTIONS = ActionSet.load(TEXT)
COUNT = len(ACTIONS.names)


@pytest.fixture(params=KINDS)
def policy(request: pytest.FixtureRequest) -> LearnedPolicy:
    return load(files(request.param, ACTIONS), ACTIONS)


def test_the_suite_covers_every_kind() -> None:
    assert set(KINDS) == {*HEADS, "mixture"}


def test_probabilities_sum_to_1_and_are_0_outside_the_mask(policy: LearnedPolicy) -> None:
    rng = np.random.default_rng(1)
    given = policy.contexts(contexts(300, ACTIONS))
    allowed = rng.random((300, COUNT)) < 0.4
    found = policy.probabilities(given, allowed)
    allowed[~allowed.any(axis=1), ACTIONS.none] = True
    assert np.allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found >= 0).all()
    assert (found[~allowed] == 0).all()


def test_where_nothing_is_allowed_none_has_probability_1(policy: LearnedPolicy) -> None:
    given = policy.contexts(contexts(3, ACTIONS))
    found = policy.probabilities(given, np.zeros((3, COUNT), dtype=np.bool_))
    assert np.allclose(found, np.eye(COUNT)[[ACTIONS.none] * 3], atol=1e-15)
    masked = [msgspec.structs.replace(one, mask=1 << ACTIONS.none) for one in contexts(3, ACTIONS)]
    decisions = [decide(policy, one, 5) for one in masked]
    assert [(one.position, one.propensity) for one in decisions] == [(ACTIONS.none, 1.0)] * 3


def test_a_row_depends_on_no_other_row(policy: LearnedPolicy) -> None:
    many = contexts(50, ACTIONS)
    allowed = np.array([[bool(one.mask >> place & 1) for place in range(COUNT)] for one in many])
    together = policy.probabilities(policy.contexts(many), allowed)
    for row in (0, 17, 49):
        alone = policy.probabilities(policy.contexts(many[row : row + 1]), allowed[row : row + 1])
        assert (alone[0] == together[row]).all()
    turned = policy.probabilities(policy.contexts(many[::-1]), allowed[::-1])
    assert (turned[::-1] == together).all()


def test_serving_and_evaluation_have_the_same_probabilities(policy: LearnedPolicy) -> None:
    many = contexts(100, ACTIONS)
    served = policy.served(many)
    for context, evaluation, expected in zip(many, policy.evaluate(many), served, strict=True):
        distribution = evaluation.choose(context.mask).distribution
        assert list(distribution.probabilities.values()) == expected.tolist()
        ends = np.cumsum([int(one * ONE) for one in expected.tolist()]).tolist()
        assert ends[-1] == ONE
        for place, (end, chance) in enumerate(zip(ends, expected.tolist(), strict=True)):
            if chance:
                drawn = [distribution.position(draw) for draw in (end - int(chance * ONE), end - 1)]
                assert drawn == [place, place]


def test_a_choice_is_the_same_whatever_mask_was_expected(policy: LearnedPolicy) -> None:
    many = contexts(60, ACTIONS)
    others = [
        msgspec.structs.replace(one, mask=other.mask) for one, other in zip(many, many[::-1], strict=True)
    ]
    pairs = zip(policy.evaluate(many), policy.evaluate(others), strict=True)
    for context, (own, other) in zip(many, pairs, strict=True):
        expected, found = own.choose(context.mask), other.choose(context.mask)
        assert found.preferred == expected.preferred
        assert found.distribution.cumulative == expected.distribution.cumulative
        assert found.distribution.text == expected.distribution.text


def test_every_form_of_a_distribution_says_the_same(policy: LearnedPolicy) -> None:
    many = contexts(30, ACTIONS)
    for context, evaluation in zip(many, policy.evaluate(many), strict=True):
        for mask in (context.mask, ACTIONS.all_bits):
            found = evaluation.choose(mask).distribution
            by_name = found.probabilities
            assert tuple(by_name) == ACTIONS.names
            assert json.loads(found.text) == by_name
            assert [found.probability(place) for place in range(COUNT)] == list(by_name.values())
            assert np.diff(found.cumulative, prepend=0).tolist() == [one * ONE for one in by_name.values()]


def test_explorable_actions_keep_the_floor(policy: LearnedPolicy) -> None:
    many = [msgspec.structs.replace(one, mask=ACTIONS.all_bits) for one in contexts(50, ACTIONS)]
    served, open_to = policy.served(many), policy.explorable(many)
    for context, row, explorable in zip(many, served, open_to.tolist(), strict=True):
        bits = RulesPolicy(ACTIONS).evaluate([context])[0].explorable
        assert explorable == [bool(bits >> place & 1) for place in range(COUNT)]
        chosen = [place for place in range(COUNT) if explorable[place] and ACTIONS.shares[place] is None]
        floor = int(ACTIONS.epsilon * ONE) // len(chosen) / ONE
        assert (row[chosen] >= floor).all()


def test_saved_and_loaded_it_decides_the_same(policy: LearnedPolicy) -> None:
    content = policy.content
    again = load(files(content.description.kind, ACTIONS), ACTIONS)
    many = contexts(20, ACTIONS)
    assert (again.served(many) == policy.served(many)).all()
    assert again.version == policy.version


def test_a_decision_is_recomputed_from_its_record(policy: LearnedPolicy) -> None:
    many = contexts(40, ACTIONS)
    again = load(files(policy.content.description.kind, ACTIONS), ACTIONS)
    for number, (context, evaluation) in enumerate(zip(many, policy.evaluate(many), strict=True)):
        draw = draw_of(f"e{number}")
        decision = decide(policy, context, draw)
        assert decision.probabilities == evaluation.choose(context.mask).distribution.probabilities
        record = json.loads(json.dumps(record_fields(policy, f"e{number}", context, decision, draw)))
        read = msgspec.convert(record["context"], Context)
        found = record_fields(again, f"e{number}", read, decide(again, read, draw), draw)
        assert json.loads(json.dumps(found)) == record


def test_kernels_give_the_same_uncompiled(policy: LearnedPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    many = contexts(5, ACTIONS)
    compiled = policy.served(many)
    uncompile(monkeypatch)
    assert (policy.served(many) == compiled).all()


def test_missing_numbers_and_unknown_words_have_a_documented_answer(policy: LearnedPolicy) -> None:
    table: dict[str, list[object]] = {
        column.name: [None] if column.words is None else ["no such word"] for column in policy.columns
    }
    every = np.ones((1, COUNT), dtype=np.bool_)
    found = policy.probabilities(policy.encode(table), every)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1)
    rules = [one for one in policy.content.description.heads if one.kind == "rules"]
    if not rules:  # rules read the numbers themselves
        means = [None if column.missing else column.mean for column in policy.columns]
        table |= {one.name: [mean] for one, mean in zip(policy.columns, means, strict=True) if not one.words}
        assert (policy.probabilities(policy.encode(table), every) == found).all()


def test_a_new_action_of_a_known_kind_is_judged_by_its_features(policy: LearnedPolicy) -> None:
    added = TEXT + '\n[[actions]]\nname = "ad_of_tomorrow"\nkind = "ad"\n'
    renamed = TEXT.replace('name = "ad_bestsellers"', 'name = "ad_of_today"')
    more, other = ActionSet.load(added), ActionSet.load(renamed)
    name = policy.content.description.kind
    many = contexts(20, ACTIONS)
    for actions in (more, other):
        found = load(files(name, ACTIONS), actions).served(many)
        assert found.shape == (20, len(actions.names))
        assert np.allclose(found.sum(axis=1), 1)


def test_reasons_name_the_action_and_its_probability(policy: LearnedPolicy) -> None:
    context = contexts(1, ACTIONS)[0]
    decision, told = decide(policy, context, 7), policy.explain(context, 7)
    assert decision.action in told.text
    assert policy.name in told.text
    assert set(told.masked) == {name for at, name in enumerate(ACTIONS.names) if not context.mask >> at & 1}


def test_damaged_files_are_refused_with_a_reason() -> None:
    good = files("softmax", ACTIONS)
    with pytest.raises(LearnedPolicyError, match=r"has no policy\.safetensors"):
        load({"policy.json": good["policy.json"]}, ACTIONS)
    with pytest.raises(LearnedPolicyError, match="unreadable"):
        load({**good, "policy.safetensors": good["policy.safetensors"][:40]}, ACTIONS)
    with pytest.raises(LearnedPolicyError, match="format 2"):
        load({**good, "policy.json": good["policy.json"].replace(b'"format": 1', b'"format": 2')}, ACTIONS)
    strange = good["policy.json"].replace(b'"kind": "softmax"', b'"kind": "oracle"')
    with pytest.raises(LearnedPolicyError, match="does not know"):
        load({**good, "policy.json": strange}, ACTIONS)
    with pytest.raises(LearnedPolicyError, match="does not fit"):
        load({**good, "policy.safetensors": files("softmax", ACTIONS, 5)["policy.safetensors"]}, ACTIONS)
