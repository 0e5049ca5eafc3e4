"""Baselines: models that a version is compared with, trained on the same clicks.

`intent.py` lists those for purchase intent, `next_item.py` those for the next item, `amounts.py` those for
counts and amounts. One entry in such a table adds a baseline; reports, the gate and benchmarks read the
table.
"""

from trainer.baselines.amounts import amount_baselines
from trainer.baselines.checks import BaselineError
from trainer.baselines.intent import Baselines

__all__ = ["BaselineError", "Baselines", "amount_baselines"]
