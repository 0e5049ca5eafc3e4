"""The gap between published purchase probabilities and what came, and the shift that closes it.

A shift of all logits by one constant corrects for another base rate of purchases (prior shift: Saerens,
Latinne, Decaestecker 2002; King, Zeng 2001, "Logistic regression in rare events data"). It leaves the order
of probabilities as it is.

Answers weigh alike, as in the calibration error. Noise is that of visitors, whose answers depend on each
other. The interval holds at all times together (`trainer.ab_tests.sequential`), because the trainer looks
again and again.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.ab_tests.sequential import always_valid_mean, summarise
from trainer.calibration.matured_answers import MaturedAnswers

Floats = NDArray[np.float64]

#: Standard deviation of shifts (logit) that are expected before anything is seen: a shift from few buyers is
#: drawn to 0 by it.
EXPECTED: Final = 0.5
#: Visitors at which the interval is narrowest.
PLANNED: Final = 5_000
#: Largest shift that is searched (logit).
_FAR: Final = 8.0


class CalibrationGap(NamedTuple):
    """`foreseen` and `seen`: mean probability, and share of answers before a purchase. `low` and `high` bound
    seen - foreseen at the level asked for, at all times together.

    `shift` (logit) closes the gap, drawn to 0 by its standard error `noise`; 0 for neither outcome.
    """

    sessions: int
    buying_sessions: int
    foreseen: float
    seen: float
    low: float
    high: float
    shift: float
    noise: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def gap_of(answers: MaturedAnswers, level: float) -> CalibrationGap:
    """The gap of the sessions in `answers`; `level` is the chance that the interval ever leaves out the true
    gap.
    """
    count = max(1, len(answers))
    by_visitor = _by_visitor(answers, answers.bought - answers.chance)
    means = always_valid_mean(summarise(by_visitor), PLANNED, level)
    scale = len(by_visitor) / count
    shift, noise = _shift(answers)
    return CalibrationGap(
        answers.sessions,
        answers.buying_sessions,
        float(answers.chance.sum() / count),
        float(answers.bought.sum() / count),
        float(means.low * scale),
        float(means.high * scale),
        shift,
        noise,
    )


def shifted(chances: Floats, shift: float) -> Floats:
    """Probabilities with their logits moved by `shift`."""
    logits = _logits(chances) + shift
    return np.asarray(1 / (1 + np.exp(-logits)))


def remaining(answers: MaturedAnswers, shift: float) -> float:
    """Seen less foreseen after a shift."""
    return float((answers.bought - shifted(answers.chance, shift)).sum()) / max(1, len(answers))


def _by_visitor(answers: MaturedAnswers, values: Floats) -> Floats:
    """Sums of `values` [N] over the answers of each visitor."""
    number = np.unique(answers.visitor, return_inverse=True)[1]
    return np.asarray(np.bincount(number, values), dtype=np.float64)


def _logits(chances: Floats) -> Floats:
    inside = np.clip(chances, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(inside / (1 - inside)))


def _shift(answers: MaturedAnswers) -> tuple[float, float]:
    """The likeliest shift drawn to 0, and its standard error over visitors (a sandwich estimate)."""
    if not 0 < answers.bought.sum() < len(answers):
        return 0.0, np.inf
    shift = 0.0
    for _ in range(50):
        chance = shifted(answers.chance, shift)
        curvature = float((chance * (1 - chance)).sum())
        step = float((answers.bought - chance).sum()) / curvature
        shift = float(np.clip(shift + np.clip(step, -1, 1), -_FAR, _FAR))
        if abs(step) < 1e-9:
            break
    noise = float(np.linalg.norm(_by_visitor(answers, answers.bought - chance))) / curvature
    return shift * EXPECTED**2 / (EXPECTED**2 + noise**2), noise
