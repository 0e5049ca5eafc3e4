"""Calibration: Platt scaling of logits to probabilities (Platt 1999), and scaling of predicted amounts."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from models.network.network import BANDS, band
from models.quality_metrics import logistic_line

Line = tuple[float, float]
#: Weight that shrinks the calibration of a band towards that of all clicks, for bands with few buyers.
BAND_PULL = 20.0
#: Quantile of the training's amounts above which they are clipped: one order must not set the level of all.
IN_FULL = 0.99
#: Weight that shrinks the scale of amounts towards 1, in clicks with the mean amount.
MONEY_PULL = 20.0


def by_band(logits: NDArray[np.float32], labels: NDArray[np.float32], position: NDArray[np.int32]) -> Tensor:
    """Scale and shift `[bands, 2]` for each band of click positions (`models.network.network.band`), each
    shrunk towards the calibration of all clicks.
    """
    every = platt(logits, labels)
    bands = band(torch.from_numpy(position)).numpy()
    parts = [bands == number for number in range(len(BANDS) + 1)]
    return torch.tensor([platt(logits[part], labels[part], every, BAND_PULL) for part in parts])


def platt(
    logits: NDArray[np.float32],
    labels: NDArray[np.float32],
    towards: Line = (1.0, 0.0),
    pull: float = 1.0,
    steps: int = 50,
) -> Line:
    """Scale and shift that minimise the log loss of sigmoid(scale * logit + shift).

    Returns `towards` if one class is missing, or if the fitted scale would reverse the order. `pull` is the
    weight of the squared distance from `towards`.
    """
    if not 0 < labels.sum() < len(labels):
        return towards
    # The weak default pull towards the identity keeps a handful of positives from producing an extreme slope.
    line = logistic_line(logits.astype(np.float64), labels, towards, pull, steps)
    return line if line[0] > 0 else towards


def money(logs: NDArray[np.float32], paid: NDArray[np.float32], learned: NDArray[np.float32]) -> Line:
    """Scale and shift with which exp(scale * log + shift) is the mean amount paid; `logs`, `paid` and
    `learned` are [N].

    Poisson regression (Gourieroux, Monfort, Trognon 1984: consistent for any positive amounts whose mean has
    this form). Amounts above the 99th percentile of the training amounts `learned` are clipped; the factor by
    which clipping lowers their mean is multiplied back. The level is that of both: a few hundred buyers of
    validation, of whom some click much and spend much, say little of it. NaN amounts are left out. (1, 0) if
    nothing was paid.
    """
    known, every = ~np.isnan(paid), learned[~np.isnan(learned)].astype(np.float64)
    if not (paid[known] > 0).any() or not (every > 0).any():
        return 1.0, 0.0
    most = float(np.quantile(every, IN_FULL))
    amounts, inputs = np.minimum(paid[known].astype(np.float64), most), logs[known].astype(np.float64)
    mean, middle = float(amounts.mean()), float(inputs.mean())
    scale, shift = _poisson(inputs - middle, amounts / mean)
    usual = np.minimum(every, most)
    level = float(np.concatenate([usual, amounts]).mean() * every.mean() / usual.mean())
    return scale, shift - scale * middle + float(np.log(level))


def _poisson(inputs: NDArray[np.float64], amounts: NDArray[np.float64]) -> Line:
    """Scale and shift for inputs centred at 0 and amounts with mean 1; the scale is shrunk towards 1, the
    shift is not.
    """

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = np.clip(inputs * line[0] + line[1], -30, 30)
        means, pulled = np.exp(logs), MONEY_PULL * (line[0] - 1)
        off = means - amounts
        total = (means - amounts * logs).sum() + pulled * (line[0] - 1) / 2
        return float(total), np.array([off @ inputs + pulled, off.sum()])

    fitted = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 2), (-5, 5)])
    return float(fitted.x[0]), float(fitted.x[1])
