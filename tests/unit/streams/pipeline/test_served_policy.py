"""A pass over chunks asks once which policy is in use: a swap meanwhile waits for the next pass."""

from models.decisions.actions import ActionSet
from models.policies.learned_policy import load
from models.registry.versions import Version
from streams.pipeline.served_policy import ServedPolicy
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
