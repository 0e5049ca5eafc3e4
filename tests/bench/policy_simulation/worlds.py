"""Simulated shops that differ in what actions do, fitted on one log."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from trainer.logs.log_files import read_log
from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.shop import Shop
from trainer.simulation.standard_shop import standard_actions

LOG = Path("deploy/data/rees46_electronics.csv.gz")


@cache
def _shop() -> Shop:
    return Shop.fit(read_log([LOG]).collect(), standard_actions())


def world(seed: int) -> Shop:
    """The shop whose actions appeal as this seed draws it."""
    return replace(_shop(), effects=ActionEffects(seed=seed))
