"""A look at the outcomes of published purchase probabilities, in a process of its own."""

import structlog

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.registry_folder import folder_of
from models.durations import HOUR_MS, MINUTE_MS
from streams.config.worker_settings import WorkerSettings
from trainer.calibration.calibration_figures import (
    CalibrationFigures,
    CalibrationMetrics,
    figures_of,
    read_figures,
    write_figures,
)
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.calibration.matured_answers import Maturity, matured_answers
from trainer.calibration.shift_rules import due_shift, hindrance
from trainer.eventlog.log import EventLog
from trainer.eventlog.refused_rows import write_gauges
from trainer.promotion.ledger import Ledger
from trainer.service.workdir import TrainerError
from trainer.settings import TrainerSettings

log = structlog.get_logger("pathcast.trainer")


def follow_calibration(settings: TrainerSettings) -> str:
    """Keep the figures of the matured answers; make a shifted version if one is due. Returns what came of it,
    in a sentence.

    Raises PathcastError.
    """
    worker, rules, events = WorkerSettings(), CalibrationSettings(), opened(settings)
    maturity = Maturity(int(worker.session_gap_minutes * MINUTE_MS), int(rules.settled_hours * HOUR_MS))
    answers = matured_answers(events, maturity, rules.days, settings.most_clicks)
    _keep(settings, figures := figures_of(answers))
    log.info("calibration measured", **_shown(figures))
    ledger = Ledger(folder_of(worker))
    why = "PATHCAST_CALIBRATION_FOLLOW is false" if not rules.follow else hindrance(ledger, rules, now_ms())
    if why:
        return f"no shift: {why}"
    serving = ledger.status().serving or ""
    shift, why = due_shift(answers.of_version(serving), rules)
    if shift is None:
        return f"no shift of {serving}: {why}"
    # Most looks end before this, and need no torch.
    from deploy.calibration.shift_making import make_shifted

    return make_shifted(settings, events, serving, shift)


def write_metrics(settings: TrainerSettings, events: EventLog) -> None:
    """Write the trainer's gauges, of the event log and of calibration, to PATHCAST_TRAINER_METRICS if that is
    set. Raises EventLogError.
    """
    if settings.metrics is None:
        return
    gauges, figures = CalibrationMetrics(), read_figures(settings.workdir.expanduser())
    if figures is not None:
        gauges.show(figures)
    write_gauges(events, settings.metrics.expanduser(), gauges.registry if figures else None)


def _keep(settings: TrainerSettings, figures: CalibrationFigures) -> None:
    folder = settings.workdir.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_figures(folder, figures)
    except OSError as error:
        raise TrainerError(
            f"cannot write the calibration figures to {folder}: {error}; PATHCAST_TRAINER_WORKDIR must be a "
            "folder with room that can be written"
        ) from error


def _shown(figures: CalibrationFigures) -> dict[str, float]:
    """The figures of a log line."""
    names = ("error", "top_decile_error", "foreseen", "seen")
    return {"sessions": figures.sessions} | {name: round(getattr(figures, name), 5) for name in names}
