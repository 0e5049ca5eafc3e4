"""A policy run of the trainer: what it reads, how it trains, and who judges it."""

from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from deploy.cluster.records import now_ms
from deploy.policy_runs.policy_admission import PolicyAdmission
from models.policies.action_features import ActionFeatures
from models.registry import policy_versions
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import latest
from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies.policy_settings import PolicySettings
from trainer.policies.train_policy import train
from trainer.policy_runs.decision_slice import DecisionSlice, network_of
from trainer.policy_runs.policy_run_maker import PolicyRecipe, PolicyRunMaker
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.policy_runs.policy_schedule import POSTERIOR
from trainer.policy_runs.policy_workdir import PolicyOrder, PolicyWorkdir

log = structlog.get_logger("pathcast.trainer")


@dataclass(frozen=True)
class PolicyRun:
    """The runs of one placement, whose versions go to `registry`."""

    events: EventLog
    registry: Path
    settings: PolicyRunSettings
    admission: PolicyAdmission

    def maker(self, at: PolicyWorkdir) -> PolicyRunMaker:
        """What makes the runs of a working folder."""
        recipe = PolicyRecipe(
            write=lambda to: log.info("decisions written", decisions=self._slice().write(self.events, to)),
            read=lambda path: read_decisions([path], HowRead({}, self._slice().context)).decisions,
            holdout=self.settings.holdout,
            train=lambda order, logged: self._train(order, logged, network_of(at.decisions)),
            judge=self.admission.admit,
            erased=lambda: latest(self.events),
        )
        return PolicyRunMaker(at, recipe, now_ms)

    def _slice(self) -> DecisionSlice:
        actions = self.admission.actions
        none = actions.names[actions.none]
        return DecisionSlice(actions.placement, none, actions.inputs, self.settings.most_decisions)

    def _train(self, order: PolicyOrder, logged: LoggedDecisions, network: str) -> str:
        """An update of a posterior trains the serving kind on all decisions: sums add up.

        `network` made the session states among the inputs; while another one answers, rules decide.
        """
        actions = self.admission.actions
        serving = self.admission.serving() if order.sort == POSTERIOR else None
        files = train(
            logged,
            serving.kind if serving else self.settings.kind,
            replace(PolicySettings(), seed=order.at % 2**31),
            [ActionFeatures.of(action) for action in actions.actions],
            actions.placement,
            created_at=str(order.at),
            notes={"network": network} if network else None,
            kept=actions.inputs,
        )
        metrics = {"sort": order.sort, "reason": order.reason, "decisions": len(logged)}
        return policy_versions.save(self.registry, files, actions.placement, order.at, metrics)
