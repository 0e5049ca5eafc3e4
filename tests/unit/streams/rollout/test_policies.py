"""Announced policies: taken up when they fit the actions, refused in words otherwise, the incumbent kept."""

import asyncio
import shutil
from functools import partial

import msgspec
import pytest

from models.contract.decision_context import Context, inputs_mark
from models.contract.updates import ModelUpdate, decode_report, policy_key
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.decision import decide, draw_of, record_fields
from models.decisions.verify import Verifier
from models.policies.context_columns import Column
from models.registry import policy_versions, remote
from models.registry.refusals import Refusal, RegistryError
from streams.metrics import Metrics
from streams.rollout.model_cache import policy_cache
from streams.rollout.policies import Policies
from tests import tiny_policies
from tests.offline import ACTIONS
from tests.tiny import announcement as of_network
from tests.tiny import version as tiny

LEARNED = ActionSet.load(f'policy = "learned"\n{ACTIONS}')
RULES = ActionSet.load(ACTIONS)
KEY = policy_key(LEARNED.placement).encode()


@pytest.fixture
def registry(tmp_path):
    return tmp_path / "registry"


@pytest.fixture
def told():
    return []


@pytest.fixture
def policies(registry, told):
    return following(str(registry), registry.parent, told, LEARNED)


def following(place, copies, told, *actions):
    caches = partial(policy_cache, place, copies)
    return Policies(actions, caches, Metrics(), "worker-1", told.append)


def version(policies):
    return policies.describe()[LEARNED.placement]["version"]


def refusals(policies):
    counted = {one: policies._metrics.policies_refused.labels(one)._value.get() for one in Refusal}
    return {refusal.value: int(count) for refusal, count in counted.items() if count}


async def test_rules_decide_until_a_version_is_announced_and_the_last_of_several_is_used(policies, registry):
    assert (policies.of(None).policy.name, version(policies)) == ("rules", "rules")
    first, second = (tiny_policies.policy(registry, LEARNED, seed) for seed in (1, 2))
    await policies.apply([(KEY, tiny_policies.announcement(one)) for one in (first, second)])
    assert version(policies) == second.id
    made = policies.of(None).policy.version
    assert made == f"{second.id}.{LEARNED.digest('learned/1')}{inputs_mark(('price',))}"
    await policies.apply([(KEY, tiny_policies.announcement(first))])
    assert version(policies) == first.id
    assert policies._metrics.policy_swaps.labels(LEARNED.placement)._value.get() == 2


async def test_a_file_with_rules_is_not_changed_by_an_announcement(registry, told):
    policies = following(str(registry), registry.parent, told, RULES)
    await policies.apply([(KEY, tiny_policies.announcement(tiny_policies.policy(registry, LEARNED)))])
    assert version(policies) == "rules"
    await policies.take_actions([LEARNED])
    assert version(policies).startswith("2023")
    await policies.take_actions([RULES])
    assert version(policies) == "rules"


async def test_the_files_inputs_are_those_of_the_version_that_decides(registry, told):
    """Later policies are trained from what is recorded: a version with other inputs would record no more."""
    fitting = ActionSet.load(f'policy = "learned"\ninputs = ["price"]\n{ACTIONS}')
    other = ActionSet.load(f'policy = "learned"\ninputs = ["price", "hidden:0"]\n{ACTIONS}')
    policies = following(str(registry), registry.parent, told, fitting)
    made = tiny_policies.policy(registry, fitting)
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    assert version(policies) == made.id
    await policies.take_actions([other])
    assert (version(policies), refusals(policies)) == ("rules", {"inputs": 1})
    assert policies.of(None).policy.inputs == ("price", "hidden:0")
    await policies.take_actions([fitting])
    assert version(policies) == made.id


async def test_a_file_with_an_input_that_no_click_has_is_refused_and_nothing_changes(policies):
    with pytest.raises(ActionsError, match=r"\['weather'\]"):
        await policies.take_actions([ActionSet.load(f'inputs = ["weather"]\n{ACTIONS}')])
    assert policies.of(None).policy.inputs == ()


async def test_announcements_of_networks_and_of_unknown_kinds_are_left_alone(policies, registry):
    network = of_network(registry, tiny(registry).id)
    await policies.apply(
        [(b"default", network), (b"shadow", network), (None, network), (b"forecast:x", b"?")]
    )
    assert (version(policies), refusals(policies)) == ("rules", {})


async def test_a_tombstone_lets_the_rules_decide_again(policies, registry):
    made = tiny_policies.announcement(tiny_policies.policy(registry, LEARNED))
    await policies.apply([(KEY, made)])
    await policies.apply([(KEY, None)])
    assert version(policies) == "rules"
    await policies.apply([(KEY, None), (KEY, made)])
    assert version(policies) != "rules"


async def test_a_policy_of_a_network_is_refused_by_kind(policies, registry):
    network = tiny(registry)
    await policies.apply([(KEY, of_network(registry, network.id))])
    assert (version(policies), refusals(policies)) == ("rules", {"kind": 1})


WRONG = {
    "announcement": b"no json",
    "unreachable": msgspec.json.encode(ModelUpdate(version="20260101T000000-none")),
}


@pytest.mark.parametrize("refusal", WRONG)
async def test_an_announcement_that_leads_nowhere_is_refused(policies, registry, refusal):
    good = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(good))])
    await policies.apply([(KEY, WRONG[refusal])])
    assert (version(policies), refusals(policies)) == (good.id, {refusal: 1})


async def refused(policies, registry, wrong):
    """A good version is in use, and the wrong one is refused; the reason."""
    good = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(good))])
    await policies.apply([(KEY, tiny_policies.announcement(wrong))])
    assert version(policies) == good.id
    found = policies.describe()[LEARNED.placement]["refused"]
    assert [one["incumbent"] for one in found] == [good.id]
    return found[0]["refusal"], found[0]["message"]


async def test_inputs_that_no_click_has_are_refused(policies, registry):
    wrong = tiny_policies.policy(registry, LEARNED, 2, (Column("weather"),))
    refusal, message = await refused(policies, registry, wrong)
    assert refusal == "inputs"
    assert "weather" in message


async def test_a_policy_of_another_placement_is_refused(policies, registry):
    wrong = tiny_policies.policy(registry, LEARNED, 2, placement="elsewhere")
    refusal, message = await refused(policies, registry, wrong)
    assert refusal == "announcement"
    assert "elsewhere" in message


async def test_weights_that_give_no_distribution_are_refused(policies, registry, monkeypatch):
    wrong = tiny_policies.policy(registry, LEARNED, 2)
    good = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(good))])
    monkeypatch.setattr("models.policies.learned_policy.LearnedPolicy.evaluate", lambda self, contexts: [])
    await policies.apply([(KEY, tiny_policies.announcement(wrong))])
    assert (version(policies), refusals(policies)) == (good.id, {"warm_up": 1})


@pytest.mark.parametrize("file", ["policy.json", "policy.safetensors", "metrics.json", "manifest.json"])
@pytest.mark.parametrize(
    "change", [lambda value: value[:10], lambda value: value[:-9] + bytes([value[-9] ^ 1]) + value[-8:]]
)
async def test_a_damaged_version_is_refused_and_the_incumbent_stays(policies, registry, file, change):
    wrong = tiny_policies.policy(registry, LEARNED, 2)
    announced = tiny_policies.announcement(wrong)
    (wrong.path / file).write_bytes(change((wrong.path / file).read_bytes()))
    good = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(good))])
    await policies.apply([(KEY, announced)])
    assert version(policies) == good.id
    assert set(refusals(policies)) <= {"truncated", "hash"}
    assert sum(refusals(policies).values()) == 1


async def test_changed_actions_change_the_version_that_decisions_name(policies, registry):
    made = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    before = policies.of(None).policy.version
    more = ActionSet.load(f'policy = "learned"\n{ACTIONS}\n[[actions]]\nname = "new"\nkind = "ad"\n')
    await policies.take_actions([more])
    after = policies.of(None).policy
    assert version(policies) == made.id
    assert after.version != before
    assert "new" in after.actions.names


async def test_a_policy_of_session_states_waits_for_the_network_that_makes_them(policies, registry):
    columns = (*tiny_policies.COLUMNS, Column("hidden:0"), Column("hidden:15"))
    network, other = tiny(registry, 1), tiny(registry, 2)
    made = tiny_policies.policy(registry, LEARNED, columns=columns, notes={"network": network.id})
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    names = [policies.of(one).policy.name for one in (None, network, other, network)]
    assert names == ["rules", "softmax", "rules", "softmax"]
    assert policies.unlearned() == []
    assert policies.of(None).policy.name == "rules"
    assert policies.unlearned() == [LEARNED.placement]


async def test_actions_with_an_unknown_policy_change_nothing(policies, registry):
    made = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    with pytest.raises(ActionsError):
        await policies.take_actions([ActionSet.load(f'policy = "linear"\n{ACTIONS}')])
    assert version(policies) == made.id
    assert policies.of(None).policy.actions == LEARNED


async def test_one_wrong_placement_leaves_all_as_they_are(policies, registry):
    made = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    wrong = f'policy = "linear"\n{ACTIONS}'.replace('placement = "', 'placement = "second.')
    with pytest.raises(ActionsError):
        await policies.take_actions([RULES, ActionSet.load(wrong)])
    assert (version(policies), list(policies.describe())) == (made.id, [LEARNED.placement])


async def test_a_version_that_did_not_fit_is_used_once_the_actions_do(policies, registry, monkeypatch):
    made = tiny_policies.policy(registry, LEARNED)
    bound = policy_versions.PolicyVersion.bound

    def picky(self, actions):
        if actions != LEARNED:
            raise RegistryError("fits other actions", Refusal.ACTIONS)
        return bound(self, actions)

    monkeypatch.setattr(policy_versions.PolicyVersion, "bound", picky)
    other = ActionSet.load(f'policy = "learned"\n{ACTIONS}\n[[actions]]\nname = "new"\nkind = "ad"\n')
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    await policies.take_actions([other])
    assert (version(policies), refusals(policies)) == ("rules", {"actions": 1})
    await policies.take_actions([LEARNED])
    assert version(policies) == made.id


async def test_a_placement_that_was_away_decides_with_the_last_announcement(policies, registry):
    elsewhere = ActionSet.load(ACTIONS.replace('placement = "', 'placement = "second.'))
    first, second = (tiny_policies.policy(registry, LEARNED, seed) for seed in (1, 2))
    await policies.apply([(KEY, tiny_policies.announcement(first))])
    await policies.take_actions([elsewhere])
    await policies.apply([(KEY, tiny_policies.announcement(second))])
    assert list(policies.describe()) == [elsewhere.placement]
    await policies.take_actions([elsewhere, LEARNED])
    assert version(policies) == second.id


async def test_a_placement_that_comes_later_finds_what_was_announced_for_it(policies, registry):
    second = ActionSet.load(f'policy = "learned"\n{ACTIONS}'.replace('placement = "', 'placement = "second.'))
    made = tiny_policies.policy(registry, second)
    await policies.apply([(policy_key(second.placement).encode(), tiny_policies.announcement(made))])
    assert version(policies) == "rules"
    await policies.take_actions([LEARNED, second])
    assert policies.describe()[second.placement]["version"] == made.id


async def test_a_version_at_a_url_is_copied_and_an_unreachable_one_tried_again(tmp_path, told):
    url = f"file://{tmp_path}/bucket"
    policies = following(url, tmp_path / "copies", told, LEARNED)
    made = tiny_policies.policy(tmp_path / "made", LEARNED)
    remote.put(made.path, f"{url}/policies/{LEARNED.placement}")
    (tmp_path / "bucket").rename(tmp_path / "away")
    announced = tiny_policies.announcement(made)
    shutil.rmtree(tmp_path / "made")
    await policies.apply([(KEY, announced)])
    assert (version(policies), refusals(policies)) == ("rules", {"unreachable": 1})
    (tmp_path / "away").rename(tmp_path / "bucket")
    policies.retry_seconds = 0.01
    trying = asyncio.create_task(policies.run())
    while version(policies) == "rules":
        await asyncio.sleep(0.01)
    trying.cancel()
    assert (tmp_path / "copies" / "policies" / LEARNED.placement / made.id).is_dir()


async def test_what_is_taken_up_or_refused_is_told(policies, registry, told):
    made = tiny_policies.policy(registry, LEARNED)
    await policies.apply([(KEY, tiny_policies.announcement(made))])
    await policies.apply([(KEY, b"no json")])
    assert [(one.kind, one.version, one.incumbent, one.refusal) for one in told] == [
        ("in_use", "rules", "none", ""),
        ("in_use", made.id, "rules", ""),
        ("refused", "", made.id, "announcement"),
    ]
    assert {one.placement for one in told} == {LEARNED.placement}
    assert told[1].key == f"worker-1/policy:{LEARNED.placement}/in_use"
    assert decode_report(msgspec.json.encode(told[-1])) == told[-1]


async def test_each_decision_is_verified_with_the_version_that_its_record_names(policies, registry):
    records = []
    for seed in range(4):
        if seed:
            made = tiny_policies.policy(registry, LEARNED, seed)
            await policies.apply([(KEY, tiny_policies.announcement(made))])
        policy = policies.of(None).policy
        for number in range(20):
            event_id, vector = f"e{seed}-{number}", [float(number)] * len(policy.inputs) or None
            context = Context(
                number / 40, "cart", 100, "add_to_cart", number, LEARNED.all_bits, None, True, vector
            )
            draw = draw_of(event_id)
            fields = record_fields(policy, event_id, context, decide(policy, context, draw), draw)
            records.append({"event_id": event_id, **msgspec.json.decode(msgspec.json.encode(fields))})
    assert len({one["policy_version"] for one in records}) == 4
    verifier = Verifier(LEARNED, partial(policy_versions.find, registry))
    assert [verifier.differences(one) for one in records] == [[]] * len(records)
    last = records[-1]
    swapped = last | {"policy_version": records[-30]["policy_version"]}
    assert any("propensity" in one or "probabilities" in one for one in verifier.differences(swapped))
    unknown = last | {"policy_version": "20260101T000000-0123456789ab.0"}
    assert "has no policy" in verifier.differences(unknown)[0]
    assert "name the registry" in Verifier(LEARNED).differences(last)[0]
    other = ActionSet.load(ACTIONS.replace("epsilon = 0.", "epsilon = 0.0"))
    assert "actions file" in Verifier(other, partial(policy_versions.find, registry)).differences(last)[0]
