"""The policy runs that `pathcast trainer` starts, one schedule for each placement.

This process imports nothing that trains: its memory stays small.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deploy.cluster.records import now_ms
from deploy.policy_runs.placements import action_sets
from deploy.runs.registry_folder import folder_of
from models.errors import PathcastError
from models.registry.version_files import MANIFEST, policies_folder
from streams.config.worker_settings import WorkerSettings
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import REWARDS
from trainer.policies.posterior_kinds import UPDATED
from trainer.policy_runs.policy_rounds import PolicyRounds
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.policy_runs.policy_schedule import PolicySchedule
from trainer.policy_runs.policy_workdir import PolicyWorkdir
from trainer.promotion.ledger import Ledger
from trainer.run_processes import ChildProcess
from trainer.settings import TrainerSettings

#: From a placement to what starts the process of its run.
Launch = Callable[[str], Callable[[], ChildProcess]]


def rounds_of(settings: TrainerSettings, events: EventLog, launch: Launch) -> list[PolicyRounds]:
    """One of each placement. Raises PathcastError for an actions file that cannot be read."""
    schedule = PolicySchedule.of(PolicyRunSettings())
    return [
        PolicyRounds(
            workdir(settings, one.placement),
            schedule,
            launch(one.placement),
            partial(rewards, events),
            now_ms(),
            partial(updates, one.placement),
        )
        for one in action_sets()
    ]


def workdir(settings: TrainerSettings, placement: str) -> PolicyWorkdir:
    """The working folder of a placement's policy runs."""
    return PolicyWorkdir(settings.workdir.expanduser() / "policies" / placement)


def rewards(events: EventLog) -> int:
    """How many rewards the log has ever taken in."""
    return sum(manifest.rows for manifest in events.manifests(REWARDS.name))


def updates(placement: str) -> bool:
    """Whether the policy that serves has a posterior to update; not while it cannot be read."""
    try:
        folder = policies_folder(folder_of(WorkerSettings()), placement)
        serving = Ledger(folder).status().serving
        return serving is not None and _kind(folder / serving) in UPDATED
    except (PathcastError, OSError, ValueError):
        return False


def _kind(version: Path) -> str:
    """The kind of a policy by its manifest, so that this process loads no policy."""
    return str(json.loads((version / MANIFEST).read_bytes()).get("policy", ""))
