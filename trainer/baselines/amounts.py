"""Baselines for counts and amounts, such as a session's value: mean, Poisson and Bayesian ridge regression.

Poisson regression (Nelder, Wedderburn 1972) is linear in the logarithm, so its predictions are positive.
Bayesian ridge (MacKay 1992, "Bayesian interpolation") chooses its own regularisation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import BayesianRidge, PoissonRegressor

from trainer.baselines.checks import BaselineError, finite

Floats = NDArray[np.floating]
State = dict[str, Any]
#: Rows to learn from, evenly spaced. Both regressions solve dense systems; more rows no longer change their
#: figures.
MOST_ROWS = 50_000


def learn(inputs: Floats, amounts: Floats) -> dict[str, State]:
    """Train every baseline on inputs `[N, F]` and amounts `[N]` >= 0; returns JSON states by name.

    Raises BaselineError for inputs or amounts that are not finite, and for negative amounts.
    """
    finite(inputs, "inputs")
    finite(amounts, "amounts")
    if not len(amounts) or amounts.min() < 0:
        found = f"{amounts.min()}" if len(amounts) else "none"
        raise BaselineError(f"the smallest amount is {found}; expected amounts from 0 up")
    chosen = np.linspace(0, len(amounts) - 1, min(len(amounts), MOST_ROWS)).astype(int)
    mean, std = inputs[chosen].mean(0), np.maximum(inputs[chosen].std(0), 1e-3)
    scaled = (inputs[chosen].astype(np.float64) - mean) / std
    scale = {"mean": mean.tolist(), "std": std.tolist(), "largest": float(amounts.max())}
    return {name: scale | fit(scaled, amounts[chosen].astype(np.float64)) for name, fit in _FITS.items()}


def amounts(state: State, inputs: Floats) -> NDArray[np.float32]:
    """Expected amounts `[N]` for inputs `[N, F]`, clipped to 0 and the largest amount of the training data.

    Raises BaselineError for inputs that are not finite.
    """
    finite(inputs, "inputs")
    scaled = (inputs.astype(np.float64) - np.array(state["mean"])) / np.array(state["std"])
    line = scaled @ np.array(state["weights"]) + state["bias"]
    predicted: Floats = np.exp(np.minimum(line, 50)) if state["logarithm"] else line
    return np.clip(predicted, 0, state["largest"]).astype(np.float32, copy=False)


def amount_baselines(inputs: Floats, wanted: Floats, later: Floats) -> dict[str, NDArray[np.float32]]:
    """Predictions `[M]` by baseline for inputs `later` `[M, F]`, after training on `inputs` `[N, F]` and
    amounts `wanted` `[N]`.

    Raises BaselineError for values that are not finite, and for negative amounts.
    """
    return {name: amounts(state, later) for name, state in learn(inputs, wanted).items()}


def _line(weights: Floats, bias: float, logarithm: bool) -> State:
    return {"weights": weights.tolist(), "bias": float(bias), "logarithm": logarithm}


def _mean(inputs: Floats, wanted: Floats) -> State:
    return _line(np.zeros(inputs.shape[1]), float(wanted.mean()), False)


def _poisson(inputs: Floats, wanted: Floats) -> State:
    unit = float(wanted.mean())
    if not unit:
        return _mean(inputs, wanted)
    # Dividing by the mean makes step count and regularisation independent of the currency's unit.
    model = PoissonRegressor(alpha=0.01, max_iter=300).fit(inputs, wanted / unit)
    return _line(model.coef_, model.intercept_ + np.log(unit), True)


def _ridge(inputs: Floats, wanted: Floats) -> State:
    model = BayesianRidge().fit(inputs, wanted)
    return _line(model.coef_, model.intercept_, False)


_FITS: dict[str, Callable[[Floats, Floats], State]] = {
    "mean": _mean,
    "poisson_regression": _poisson,
    "bayesian_ridge": _ridge,
}
