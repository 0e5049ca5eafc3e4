"""Experiments in a worker: arms decide for their visitors, the record says which, and all of it verifies."""

import asyncio
import shutil
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import msgspec
import pytest

from models.contract.decision_context import HOLD_OUT
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.decisions.rules_policy import RulesPolicy
from models.decisions.verify import Verifier
from models.experiments.assignment import Assignment
from models.experiments.experiment import Arm, Experiment, encode_experiment
from models.experiments.verifying import ExperimentVerifier
from models.registry.policy_versions import PolicyVersion, find
from streams.pipeline.served_policy import OnlyPolicy, ServedPolicy
from streams.rollout.experiments import Experiments
from tests import tiny_policies
from tests.offline import ACTIONS, Offline, arm_versions, records
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import DECISIONS, event

QUIET = ACTIONS.replace("epsilon = 0.10", "epsilon = 0.0")
LOUD = ACTIONS.replace("epsilon = 0.10", "epsilon = 0.9")
SET = ActionSet.load(ACTIONS)
TRIAL = Experiment(
    name="loudness",
    placement=SET.placement,
    salt="s",
    arms=[Arm("own", 0.3), Arm("quiet", 0.3, QUIET), Arm("loud", 0.3, LOUD), Arm(HOLD_OUT, 0.1)],
)
STOPPED = msgspec.structs.replace(TRIAL, stopped_at=5)


def told(*experiments: Experiment) -> list[tuple[bytes, bytes]]:
    return [(one.name.encode(), encode_experiment(one)) for one in experiments]


def clicks(first: int = 0, visitors: int = 60, **fields):
    """Three clicks of each visitor, those of different visitors in turn."""
    return records(
        [
            event(1000 * turn + n, f"v{n}", turn, event="add_to_cart", price=40.0, **fields)
            for turn in range(first, first + 3)
            for n in range(visitors)
        ]
    )


def decisions(offline: Offline, chunk, size: int = 50) -> list[dict]:
    return [one for answers in offline.run(chunk, size) for one in answers[DECISIONS]]


def test_each_decision_names_its_arm_and_follows_that_arms_file():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    made, assignment, by_arm = decisions(offline, clicks()), Assignment(TRIAL), defaultdict(list)
    for one in made:
        assert one["context"]["experiment"] == "loudness"
        assert one["context"]["arm"] == assignment.arm(one["visitor_id"])
        by_arm[one["context"]["arm"]].append(one)
    assert set(by_arm) == set(TRIAL.names)
    assert not any(one["explored"] for one in by_arm["quiet"])
    assert Counter(one["explored"] for one in by_arm["loud"])[True] > len(by_arm["loud"]) / 2
    assert len({one["policy_version"] for one in made}) == 3
    verifier = ExperimentVerifier([SET], [TRIAL])
    assert [verifier.differences(one) for one in made] == [[]] * len(made)


def test_decisions_and_rewards_are_counted_by_arm():
    offline = Offline(actions=ACTIONS + "\n[reward]\nmargin = 1.0\n")
    arms = [Arm("own", 0.5), Arm("loud", 0.5, LOUD)]
    offline.experiments.apply(told(msgspec.structs.replace(TRIAL, arms=arms)))
    answers = offline.run(clicks(), 60)
    last = {one["visitor_id"]: one["decision_id"] for part in answers for one in part[DECISIONS]}
    bought = [
        event(5_000 + n, visitor, 4, event="purchase", value=10.0 + n, decision_id=named)
        for n, (visitor, named) in enumerate(last.items())
    ]
    answers += offline.run(records(bought, 1_000), 60)
    answers += offline.run(records([event(9_000 + n, "late", 14_400 + n) for n in range(2)], 2_000), 1)
    decided = Counter(one["context"]["arm"] for part in answers for one in part[DECISIONS])
    rewards = [one for part in answers for one in part.get("rewards", [])]
    rewarded = Counter(one["context"]["arm"] for one in rewards)
    metrics = offline.metrics
    for arm in ("own", "loud"):
        labels = "loudness", arm
        assert metrics.experiment_decisions.labels(*labels)._value.get() == decided[arm] > 0
        assert metrics.experiment_rewarded.labels(*labels)._value.get() == rewarded[arm] > 0
        expected = sum(one["reward"] for one in rewards if one["context"]["arm"] == arm)
        assert metrics.experiment_reward.labels(*labels)._value.get() == pytest.approx(expected)
        assert expected > 0


def test_the_held_out_are_offered_nothing_but_what_they_would_have_been_offered_is_known():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    held = [one for one in decisions(offline, clicks()) if one["context"]["arm"] == HOLD_OUT]
    assert {(one["action"], one["propensity"]) for one in held} == {("nothing", 1.0)}
    assert {one["would_have"] for one in held} - {"nothing"}
    assert {reason for one in held for reason in one["context"]["withheld"]} == {"holdout"}


def test_a_stopped_experiment_decides_nobody_and_its_decisions_still_verify():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    during = decisions(offline, clicks())
    offline.experiments.apply(told(STOPPED))
    assert offline.experiments.running == ()
    after = decisions(offline, clicks(first=3))
    assert not any("experiment" in one["context"] for one in after)
    verifier = ExperimentVerifier([SET], [STOPPED])
    assert not any(verifier.differences(one) for one in during + after)


def test_chunks_do_not_matter():
    answers = []
    for size in (1, 7, 200):
        offline = Offline()
        offline.experiments.apply(told(TRIAL))
        answers.append([{**one, "scored_at": 0} for one in decisions(offline, clicks(visitors=12), size)])
    assert answers[0] == answers[1] == answers[2]


def test_without_consent_no_arm_is_assigned():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    made = decisions(offline, clicks(consent=False))
    assert {one["action"] for one in made} == {"nothing"}
    assert not any("arm" in one["context"] for one in made)


def test_caps_are_counted_across_arms_and_the_end_of_an_experiment():
    """A coupon of an arm is a coupon: its cap holds when the experiment is over."""
    offline = Offline(actions=QUIET)
    before = decisions(offline, clicks())
    offline.experiments.apply(told(TRIAL))
    during = decisions(offline, clicks(first=3))
    served = Counter((one["visitor_id"], one["action"]) for one in before + during)
    caps = {one.name: one.caps.per_session for one in SET.actions}
    assert all(count <= (caps[action] or 10**9) for (_, action), count in served.items())


@pytest.mark.parametrize(
    "trial",
    [
        msgspec.structs.replace(TRIAL, placement="elsewhere"),
        msgspec.structs.replace(TRIAL, arms=[Arm("a", 0.5), Arm("b", 0.5, policy="magic")]),
        msgspec.structs.replace(TRIAL, arms=[Arm("a", 0.5), Arm("b", 0.5, actions="[[")]),
    ],
)
def test_an_experiment_that_cannot_be_followed_changes_nothing(trial: Experiment):
    offline = Offline()
    offline.experiments.apply(told(trial))
    made = decisions(offline, clicks(visitors=3))
    assert len(made) == 9
    assert not any("arm" in one["context"] for one in made)


def learned_arms(*versions: PolicyVersion) -> Experiment:
    arms = [Arm(f"learned{at}", 0.25, policy=one.id) for at, one in enumerate(versions)]
    return msgspec.structs.replace(TRIAL, arms=[Arm("own", 1 - 0.25 * len(arms)), *arms])


async def following(offline: Offline, registry: Path, trial: Experiment) -> None:
    offline.pipeline.policies = offline.experiments = Experiments(
        OnlyPolicy(policy_of(SET)), arm_versions(str(registry))
    )
    await offline.experiments.follow(told(trial))


async def test_arms_decide_by_versions_of_the_registry_and_all_of_it_verifies(tmp_path: Path):
    offline, versions = Offline(), [tiny_policies.policy(tmp_path, SET, seed) for seed in (1, 2)]
    trial = learned_arms(*versions)
    await following(offline, tmp_path, trial)
    made = decisions(offline, clicks())
    used = {one["context"]["arm"]: one["policy_version"].partition(".")[0] for one in made}
    assert (used["learned0"], used["learned1"]) == (versions[0].id, versions[1].id)
    assert {one.get("policy", "rules") for one in made} == {"rules", "softmax"}
    verifier = ExperimentVerifier([SET], [trial], partial(Verifier, learned=partial(find, tmp_path)))
    assert [verifier.differences(one) for one in made] == [[]] * len(made)


async def test_a_version_that_comes_later_is_tried_again(tmp_path: Path):
    offline, elsewhere = Offline(), tmp_path / "elsewhere"
    version = tiny_policies.policy(elsewhere, SET)
    trial = learned_arms(version)
    await following(offline, tmp_path / "registry", trial)
    assert not any("arm" in one["context"] for one in decisions(offline, clicks(visitors=9)))
    shutil.copytree(elsewhere, tmp_path / "registry")
    offline.experiments.retry_seconds = 0.0
    retrying = asyncio.create_task(offline.experiments.run())
    async with asyncio.timeout(20):
        while not offline.experiments.of(None).arms:
            await asyncio.sleep(0.01)
    retrying.cancel()
    assert {one["context"]["arm"] for one in decisions(offline, clicks(first=3))} == {"own", "learned0"}


async def test_an_arm_waits_for_the_network_whose_states_it_reads(tmp_path: Path):
    network = tiny(tmp_path / "networks")
    offline = Offline()
    version = tiny_policies.policy(tmp_path, SET, notes={"network": network.id})
    await following(offline, tmp_path, learned_arms(version))
    assert offline.experiments.of(None).arms is None
    assert offline.experiments.of(network).arms is not None
    assert offline.experiments.of(None).arms is None


def test_broadcasts_that_cannot_be_read_are_passed_over():
    offline = Offline()
    offline.experiments.apply([(b"x", b"{}"), (None, b"?"), (b"\xff", None), *told(TRIAL)])
    assert offline.experiments.running == ("loudness",)
    offline.experiments.apply([(b"loudness", None)])
    assert offline.experiments.running == ()


def test_an_explanation_is_given_by_the_arms_policy():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    made = decisions(offline, clicks(explain=True, visitors=12), size=4)
    latest = {one["visitor_id"]: one["explanation"] for one in made if "explanation" in one}
    assert len(latest) == 12
    for visitor, explanation in latest.items():
        looked_up = offline.lookups.explain(visitor)
        assert looked_up is not None
        assert looked_up["decision"] == explanation


def test_a_wrong_arm_is_found_by_the_verifier():
    offline = Offline()
    offline.experiments.apply(told(TRIAL))
    verifier = ExperimentVerifier([SET], [TRIAL])
    one = decisions(offline, clicks(visitors=1))[0]
    others = [name for name in TRIAL.names if name != one["context"]["arm"]]
    for name in others:
        changed = {**one, "context": {**one["context"], "arm": name}}
        assert any("arm: recorded" in said for said in verifier.differences(changed))
    unknown = {**one, "context": {**one["context"], "experiment": "other"}}
    assert "experiment 'other' is not known" in verifier.differences(unknown)[0]


def test_an_experiment_at_one_of_several_placements():
    """The other placement decides as it does without it; all decisions verify."""
    entries = "".join(
        "\n[[placements]]\n"
        + ACTIONS.replace("[[actions]]", "[[placements.actions]]")
        .replace("[actions.", "[placements.actions.")
        .replace(f'"{SET.placement}"', f'"{name}"')
        for name in (SET.placement, "second")
    )
    sets = ActionSet.load_all(entries)
    offline = Offline()
    offline.pipeline.policies = offline.experiments = Experiments(SeveralPolicies(sets), arm_versions())
    offline.experiments.apply(told(TRIAL))
    made = decisions(offline, clicks(visitors=20))
    by_placement = defaultdict(list)
    for one in made:
        by_placement[one["placement"]].append(one)
    assert {name: len(found) for name, found in by_placement.items()} == {SET.placement: 60, "second": 60}
    assert all("arm" in one["context"] for one in by_placement[SET.placement])
    assert not any("arm" in one["context"] for one in by_placement["second"])
    verifier = ExperimentVerifier(sets, [TRIAL])
    assert [verifier.differences(one) for one in made] == [[]] * 120


def test_rewards_name_their_arm_and_are_mixed_alike_in_all_of_them():
    """Each arm's decisions become rewards; the mix is that of the placement's own file."""
    other = Arm("other", 0.5, LOUD + "\n[reward]\nclick = 100.0\n")
    trial = msgspec.structs.replace(TRIAL, arms=[Arm("own", 0.5), other])
    offline = Offline()
    offline.experiments.apply(told(trial))
    made = [one for one in decisions(offline, clicks()) if one["action"] != "nothing"]
    shown = [
        event(90_000 + number, one["visitor_id"], 5, event="select_promotion", decision_id=one["decision_id"])
        for number, one in enumerate(made)
    ]
    late = records([*shown, event(99_999, "clock", 3 * 24 * 60)])
    rewards = [one for answers in offline.run(late, 200) for one in answers.get("rewards", [])]
    arms = {one["decision_id"]: one["context"]["arm"] for one in rewards}
    assert {one["decision_id"]: one["context"]["arm"] for one in made}.items() <= arms.items()
    clicked = [one for one in rewards if one["outcomes"]]
    assert {one["context"]["arm"] for one in clicked} == {"own", "other"}
    assert max(one["reward"] for one in clicked) < 100


class SeveralPolicies:
    """The rules of several placements."""

    def __init__(self, sets):
        self._served = [ServedPolicy(RulesPolicy(one)) for one in sets]

    def of(self, version):
        return self._served[0]

    def every(self, version):
        return self._served
