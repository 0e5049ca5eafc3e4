"""The policy runs of a placement, as the environment says."""

from deploy.policy_runs.placements import action_set
from deploy.policy_runs.policy_admission import PolicyAdmission
from deploy.policy_runs.policy_run import PolicyRun
from deploy.runs.event_log import opened
from deploy.runs.promotion_moves import policy_promotions
from deploy.runs.registry_folder import folder_of
from streams.config.worker_settings import WorkerSettings
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.settings import TrainerSettings

#: Who moves versions, in the ledger.
BY = "policy gate"


def run_of(settings: TrainerSettings, placement: str) -> PolicyRun:
    """The runs of a placement of the actions file. Raises PathcastError."""
    registry = folder_of(WorkerSettings())
    moves = policy_promotions(registry, placement, by=BY)
    admission = PolicyAdmission(action_set(placement), PolicyGateSettings(), moves)
    return PolicyRun(opened(settings), registry, PolicyRunSettings(), admission)
