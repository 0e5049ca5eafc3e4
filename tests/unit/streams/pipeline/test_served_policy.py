"""A pass over chunks asks once which policy is in use: a swap meanwhile waits for the next pass."""

import pytest

from models.decisions.actions import ActionSet
from models.policies.learned_policy import load
from models.registry.versions import Version
from streams.pipeline.served_policy import OnlyPolicy, ServedPolicy
from tests import tiny_policies
from tests.offline import ACTIONS, Offline, records
from tests.unit.streams.pipeline.test_context_vectors import clicks

LEARNED = ActionSet.load(f'policy = "learned"\n{ACTIONS}')


class Restless:
    """Another policy each time that it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._made = [
            ServedPolicy(load(tiny_policies.files(LEARNED, seed), LEARNED, f"v{seed}")) for seed in range(3)
        ]

    def of(self, version: Version | None) -> ServedPolicy:
        return self.every(version)[0]

    def every(self, version: Version | None) -> list[ServedPolicy]:
        self.asked += 1
        return [self._made[self.asked % 3]]


def test_a_chunk_has_one_policy_from_begin_to_end() -> None:
    worker = Offline()
    worker.pipeline.policies = restless = Restless()
    answered = worker.run(records(clicks(40)), 10)
    versions = [{one["policy_version"] for one in chunk[worker.names.ad_decisions]} for chunk in answered]
    assert [len(found) for found in versions] == [1] * 4
    assert restless.asked == 4
    assert len({*map(frozenset, versions)}) == 3


def decisions(size: int, more: str = "") -> list[dict[str, object]]:
    """Of a learned policy, in chunks of `size`; what differs from run to run is left out."""
    actions = ActionSet.load(f'policy = "learned"\n{ACTIONS}{more}')
    worker = Offline()
    worker.pipeline.policies = OnlyPolicy(load(tiny_policies.files(actions), actions, "v1"))
    answered = worker.run(records(clicks(60)), size)
    return [
        {name: value for name, value in one.items() if name != "scored_at"}
        for chunk in answered
        for one in chunk[worker.names.ad_decisions]
    ]


@pytest.mark.parametrize("more", ["", '[holdout]\nshare = 0.4\nsalt = "s"\n'])
def test_masks_follow_from_the_clicks_before_whatever_the_chunks_are(more: str) -> None:
    alone = decisions(1, more)
    masks = [one["context"]["mask"] for one in alone]  # type: ignore[index]
    assert len(alone) == 60
    assert len(set(masks)) > 2
    assert decisions(7, more) == decisions(60, more) == alone
