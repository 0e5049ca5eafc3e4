"""A simulated shop, fitted on the shipped log."""

from pathlib import Path

import polars as pl
import pytest

from trainer.logs.log_files import read_log
from trainer.simulation.shop import Shop
from trainer.simulation.standard_shop import standard_actions


@pytest.fixture(scope="package")
def log() -> pl.DataFrame:
    return read_log([Path("deploy/data/rees46_electronics.csv.gz")]).collect()


@pytest.fixture(scope="package")
def shop(log: pl.DataFrame) -> Shop:
    return Shop.fit(log, standard_actions())
