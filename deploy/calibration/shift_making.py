"""Makes a version with shifted purchase probabilities, and lets the gate judge it."""

import structlog

from deploy.runs.incremental_updates import drop_steps
from deploy.runs.newest_clicks import newest
from deploy.runs.promotion_moves import promotions
from deploy.runs.registry_folder import folder_of
from deploy.runs.shadow_trial import trial
from models.registry import registry
from streams.config.worker_settings import WorkerSettings
from trainer.calibration.shift_rules import BY, PriorShift
from trainer.eventlog.log import EventLog
from trainer.gate.gate_settings import GateSettings
from trainer.settings import TrainerSettings
from trainer.training.shifted_version import admit_shifted, lacking, save_shifted

log = structlog.get_logger("pathcast.trainer")


def make_shifted(settings: TrainerSettings, events: EventLog, serving: str, shift: PriorShift) -> str:
    """Make the shifted version of the serving one; returns what came of it, in a sentence.

    Raises PathcastError.
    """
    moves, gate = promotions(folder_of(WorkerSettings()), by=BY), GateSettings()
    with newest(settings, events, "calibration") as source:
        why = lacking(source.examples, shift, gate)
        if why:
            return f"no shift of {serving} yet: {why}"
        name = save_shifted(registry.load(moves.folder / serving), shift, moves)
        live = trial(gate, lambda news: log.info("waiting", news=news))
        verdict = admit_shifted(name, shift, source.examples, gate, moves, live).verdict
    drop_steps(settings)
    return f"{name} {'passed' if verdict.passed else 'refused'}: {verdict.reason}"
