"""The settings of LightGBM that all trees share: regularised, and the same trees on every run."""

from typing import Any, Final

SHARED: Final[dict[str, Any]] = {
    "objective": "binary",
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbose": -1,
}
