"""Calibration of what was published lately: figures in a file of the working folder, and as gauges."""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import structlog
from prometheus_client import CollectorRegistry, Gauge

from models import quality_metrics
from models.durable_files import replace_file
from trainer.calibration.matured_answers import MaturedAnswers

#: File of the trainer's working folder.
FILE: Final = "calibration.json"
log = structlog.get_logger("pathcast.trainer")


class CalibrationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of all matured answers of a window that ends at the event time `reached` (epoch ms).

    `error` is the calibration error of 15 bins (ECE), `top_decile_error` that of the top tenth of
    probabilities; `foreseen` and `seen` are the mean probability and the share of answers before a purchase.
    """

    reached: int
    sessions: int
    answers: int
    foreseen: float
    seen: float
    error: float
    top_decile_error: float


def figures_of(answers: MaturedAnswers) -> CalibrationFigures:
    """The figures of answers, each answer weighing alike; 0 where there are none."""
    chances, some = answers.chance.astype(np.float32), bool(len(answers))
    return CalibrationFigures(
        reached=answers.reached,
        sessions=answers.sessions,
        answers=len(answers),
        foreseen=float(answers.chance.mean()) if some else 0.0,
        seen=float(answers.bought.mean()) if some else 0.0,
        error=quality_metrics.calibration_error(chances, answers.bought),
        top_decile_error=quality_metrics.top_decile_error(chances, answers.bought),
    )


def write_figures(folder: Path, figures: CalibrationFigures) -> None:
    """Keep figures in a working folder. Raises OSError."""
    replace_file(folder / FILE, msgspec.json.encode(figures))


def read_figures(folder: Path) -> CalibrationFigures | None:
    """The figures in a working folder; None if there are none, or, with a log line, unreadable ones."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=CalibrationFigures)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("calibration figures ignored", file=str(folder / FILE), reason=str(error))
        return None


class CalibrationMetrics:
    """Prometheus gauges of the figures, in a registry of their own unless one is passed."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._error = self._gauge(
            "pathcast_calibration_error", "Calibration error (ECE, 15 bins) of the answers"
        )
        self._top = self._gauge(
            "pathcast_calibration_top_decile_error",
            "Gap between foreseen and seen in the top tenth of the probabilities",
        )
        self._sessions = self._gauge("pathcast_calibration_sessions", "Sessions of these answers")
        self._reached = self._gauge(
            "pathcast_calibration_reached_timestamp_seconds",
            "Event time of the newest answer, seconds since the epoch",
        )
        self._purchases = Gauge(
            "pathcast_calibration_purchases",
            "Share of answers before a purchase: foreseen, and seen",
            ["which"],
            registry=self.registry,
        )

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(name, says, registry=self.registry)

    def show(self, figures: CalibrationFigures) -> None:
        """Set the gauges."""
        self._error.set(figures.error)
        self._top.set(figures.top_decile_error)
        self._sessions.set(figures.sessions)
        self._reached.set(figures.reached / 1000)
        self._purchases.labels("foreseen").set(figures.foreseen)
        self._purchases.labels("seen").set(figures.seen)
