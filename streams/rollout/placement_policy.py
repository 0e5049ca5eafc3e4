"""The policy of one placement: that of its actions file, or the announced version if the file asks for it."""

import time
from dataclasses import asdict
from typing import Any, NamedTuple

import structlog

from models.contract.updates import ModelReport, ModelUpdate
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import LEARNED, policy_of
from models.registry.policy_versions import PolicyVersion
from models.registry.refusals import Refusal, RegistryError
from streams.metrics import Metrics
from streams.pipeline.served_policy import ServedPolicy
from streams.rollout.announced_versions import AnnouncedVersions
from streams.rollout.model_cache import VersionCache
from streams.rollout.policy_binding import bind
from streams.rollout.refused import RefusedVersions, Tell

log = structlog.get_logger("pathcast.reload")


class BoundVersion(NamedTuple):
    """A version of the registry, bound to the action set that was in use when it was loaded."""

    version: PolicyVersion
    served: ServedPolicy


class PlacementPolicy:
    """`served` is what decides; `refused` has the versions that did not fit.

    Raises ActionsError for an action set whose policy is unknown.
    """

    def __init__(
        self,
        actions: ActionSet,
        cache: VersionCache[PolicyVersion],
        metrics: Metrics,
        worker: str,
        tell: Tell,
    ) -> None:
        self.actions, self.refused = actions, _refusals(actions, metrics, worker, tell)
        self.follower = AnnouncedVersions(self._load, self._take, self._refuse)
        self._cache, self._metrics, self._worker, self._tell = cache, metrics, worker, tell
        self._own = ServedPolicy(policy_of(actions))
        self._announced: BoundVersion | None = None
        self._in_use = self._network = ""
        #: Whether what was announced last could not be used: other actions may fit it.
        self.refuses_latest = False
        self._note()

    def beside(self, network: str) -> ServedPolicy:
        """What decides while this network answers (empty: none)."""
        if network != self._network:
            self._network = network
            self._note()
        return self.served

    @property
    def served(self) -> ServedPolicy:
        """The announced version if the file asks for a learned one that fits the network, else the file's."""
        found = self._announced
        if found is None or self.actions.policy != LEARNED:
            return self._own
        return found.served if found.version.network in ("", self._network) else self._own

    @property
    def waits(self) -> bool:
        """Whether the file asks for a learned policy, and its own decides."""
        return self.actions.policy == LEARNED and self.served is self._own

    @property
    def in_use(self) -> str:
        """The version that decides, or the name of the file's policy."""
        learned = self._announced is not None and self.served is self._announced.served
        return self._announced.version.id if learned and self._announced else self._own.policy.name

    def withdraw(self) -> None:
        """The announced version is taken back: the file's own policy decides."""
        self.follower.forget()
        self._announced = None
        self._note()

    def take_actions(self, actions: ActionSet) -> None:
        """Use a changed action set; an announced version that does not fit it is refused, and rules decide.

        Raises ActionsError for an unknown policy, and then nothing has changed.
        """
        own, announced = ServedPolicy(policy_of(actions)), self._announced
        self._announced, self.actions, self._own = None, actions, own
        if announced is not None:
            try:
                self._announced = BoundVersion(announced.version, bind(announced.version, actions))
            except RegistryError as error:
                self._refuse(announced.version.id, error)
        self._note()

    def describe(self) -> dict[str, Any]:
        """For `/models`: what decides, what was announced, and what was refused, the latest first."""
        announced = self._announced.version if self._announced else None
        return {
            "policy": self.served.policy.name,
            "version": self.in_use,
            "policy_version": self.served.policy.version,
            "announced": announced.id if announced else None,
            "refused": [asdict(one) for one in reversed(self.refused.last)],
        }

    def _load(self, announced: ModelUpdate) -> BoundVersion:
        version = self._cache.load(announced)
        if version.placement != self.actions.placement:
            raise RegistryError(
                f"{version.path} is a policy of the placement {version.placement!r}, announced for "
                f"{self.actions.placement!r}; announce one of that placement",
                Refusal.ANNOUNCEMENT,
            )
        return BoundVersion(version, bind(version, self.actions))

    def _take(self, loaded: BoundVersion) -> None:
        self._announced, self.refuses_latest = loaded, False
        self._cache.prune([loaded.version.id])
        self._note()

    def _refuse(self, version: str, error: Exception) -> None:
        self.refuses_latest = True
        self.refused.add(version, error, self.in_use)

    def _note(self) -> None:
        """Tell of a policy that has come into use."""
        placement, before, used = self.actions.placement, self._in_use, self.in_use
        policy = self.served.policy
        facts = {"policy": policy.name, "version": used, "policy_version": policy.version}
        self._metrics.policy.labels(placement).info(facts)
        if used == before:
            return
        self._in_use = used
        self._metrics.policy_swaps.labels(placement).inc(bool(before))
        now = int(time.time() * 1000)
        report = ModelReport(
            worker=self._worker,
            kind="in_use",
            version=used,
            at=now,
            incumbent=before or "none",
            placement=placement,
        )
        self._tell(report)
        log.info("policy in use", placement=placement, version=used, policy=policy.name, before=before)


def _refusals(actions: ActionSet, metrics: Metrics, worker: str, tell: Tell) -> RefusedVersions:
    return RefusedVersions(worker, tell, metrics.policies_refused, actions.placement)
