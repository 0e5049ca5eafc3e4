"""Admission of a policy: judged on logged decisions, its report kept, promoted or refused."""

from dataclasses import dataclass
from pathlib import Path

from models.decisions.actions import ActionSet
from models.registry import policy_versions
from models.registry.policy_versions import PolicyVersion
from trainer.off_policy.fixed_policies import Logging
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.policy_gate import policy_gate_report
from trainer.policy_gate.constraint_replay import replay
from trainer.policy_gate.policy_gate import judge
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_runs.policy_offline import PolicyOffline
from trainer.policy_runs.policy_run_maker import PolicyJudgement
from trainer.policy_runs.policy_schedule import POSTERIOR
from trainer.policy_runs.policy_workdir import PolicyOrder
from trainer.promotion.promotions import Promotions


@dataclass(frozen=True)
class PolicyAdmission:
    """Of the policies of one placement; `moves` are theirs, in the folder of their versions."""

    actions: ActionSet
    gate: PolicyGateSettings
    moves: Promotions

    def serving(self) -> PolicyVersion | None:
        """The learned policy that serves; None: the rules do. Raises RegistryError."""
        name = self.moves.ledger.status().serving
        return policy_versions.load(self._path(name)) if name else None

    def _path(self, version: str) -> Path:
        return self.moves.folder / version

    def admit(self, order: PolicyOrder, name: str, logged: LoggedDecisions) -> PolicyJudgement:
        """Judge a version and promote or refuse it. Raises PathcastError."""
        if self.moves.ledger.status().serving == name:
            return PolicyJudgement(True, "it serves already")  # killed after the promotion
        version = policy_versions.load(self._path(name))
        candidate = PolicyOffline(version.bound(self.actions), name)
        if order.sort == POSTERIOR:
            found = self._posterior(candidate, logged)
        else:
            report = judge(logged, candidate, self._incumbent(version), self.actions, self.gate)
            policy_gate_report.keep(self._path(name) / "gate", report.figures)
            found = PolicyJudgement(*report.verdict)
        if found.promoted:
            self.moves.promote(name, found.why)
        else:
            self.moves.refuse(name, found.why)
        return found

    def _posterior(self, candidate: EvaluatedPolicy, logged: LoggedDecisions) -> PolicyJudgement:
        """The same policy with more rewards need not be better; it must keep to its constraints."""
        kept = replay(logged, candidate.probabilities(logged), self.actions)
        if kept.masked or kept.overspent:
            return PolicyJudgement(False, "its posterior breaks constraints in a replay of the log")
        return PolicyJudgement(True, f"its posterior has newer rewards, {len(logged):,} of them judged")

    def _incumbent(self, candidate: PolicyVersion) -> EvaluatedPolicy:
        """The learned policy that serves, else the policy that wrote the log.

        The latter also where workers do not use the former, for its inputs or for its network.
        """
        serving = self.serving()
        if serving is None or not serving.records(self.actions.inputs):
            return Logging()
        if serving.network not in ("", candidate.network):
            return Logging()
        return PolicyOffline(serving.bound(self.actions), serving.id)
