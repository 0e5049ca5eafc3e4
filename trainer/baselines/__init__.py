"""What a version is compared with, learned from the same clicks: `intent.py` has the table, and so have the
rooms for next items and amounts."""

from trainer.baselines.amounts import amount_baselines
from trainer.baselines.checks import BaselineError
from trainer.baselines.intent import Baselines

__all__ = ["BaselineError", "Baselines", "amount_baselines"]
