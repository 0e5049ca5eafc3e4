"""A log through the worker's pipeline: every feature row is the one that training builds, bit for bit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.contract.catalogue import Catalogue
from models.contract.items import Item
from models.features import features
from models.features.batch import Batch
from models.registry.versions import Version
from models.scoring.scores import Scores
from tests.offline import Offline, Record
from tests.scoring import SHIPPED
from tests.tiny import version as tiny
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import LogReplay, records

CLICKS = 1500


class Recorder:
    """A scorer that keeps what it was asked."""

    def __init__(self, version: Version) -> None:
        self.neural, self.batches = version.neural, []
        self.version, self.model, self.layout = version.neural.version, version.neural.model, None
        self.width, self.outdated = version.neural.width, version.neural.outdated

    def score(self, batch: Batch) -> Scores:
        self.batches.append(batch)
        return self.neural.score(batch)


def enriched(frame: pl.DataFrame) -> pl.DataFrame:
    """The log with what it lacks: queries, ratings, profiles, consent, amounts beyond their bounds."""
    number = pl.int_range(pl.len())
    return frame.with_columns(
        query=pl.when(number % 5 == 0).then(pl.format("red shoes {}", number % 7)),
        rating=pl.when(number % 11 == 0).then((number % 13).cast(pl.Float64)),
        price=pl.when(number % 97 == 0).then(1e11).when(number % 4 > 0).then(pl.col("price")),
        brand=pl.when(number % 3 > 0).then(pl.col("brand")),
        age_band=pl.when(number % 2 == 0).then(pl.lit("25-34")),
        gender=pl.when(number % 3 == 0).then(pl.lit("f")),
        region=pl.when(number % 4 == 0).then(pl.format("r{}", number % 9)),
        consent=pl.when(number % 6 < 3).then(True),
        page=pl.when(number % 8 == 0).then(pl.format("/p{}", number % 20)),
    )


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    log = read_log([SHIPPED]).sort("ts", maintain_order=True).head(CLICKS).collect()
    return enriched(log)


def shop(frame: pl.DataFrame) -> Catalogue:
    """A catalogue that knows a third of the items: their prices and brands fill what clicks leave out."""
    found = Catalogue()
    ids = frame["item_id"].drop_nulls().unique().sort().to_list()
    for number, item in enumerate(ids[::3]):
        found.put(item, Item(price=float(number % 50), brand=f"b{number % 5}", category=f"c{number % 4}"))
    return found


@pytest.fixture(scope="module")
def version(frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(
        tmp_path_factory.mktemp("registry"), items=frame["item_id"].drop_nulls().unique().to_list()[:50]
    )


def served(
    version: Version, frame: pl.DataFrame, catalogue: Catalogue, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and feature rows that the network was asked about, in chunks of `size`."""
    recorder = Recorder(version)
    offline = Offline(replace(version, neural=recorder))
    decoder = offline.pipeline.decoder
    for item in catalogue:
        decoder.catalogue.put(item, catalogue[item])
    log: Sequence[Record] = [
        Record(number, one.timestamp, one.key, one.value) for number, one in enumerate(records(frame))
    ]
    offline.run(log, size)
    batches = recorder.batches
    return np.concatenate([b.codes for b in batches]), np.concatenate([b.features for b in batches])


@pytest.mark.parametrize("size", [1, 7, 256, CLICKS])
def test_every_row_is_the_offline_builders(version: Version, frame: pl.DataFrame, size: int) -> None:
    part = frame.head(400) if size == 1 else frame
    catalogue = shop(frame)
    replayed = LogReplay(catalogue=catalogue, bounds=version.amount_bounds)
    expected = replayed.through(part.lazy()).examples()
    codes, rows = served(version, part, catalogue, size)
    assert len(rows) == len(expected) > 300
    assert codes.tobytes() == expected.codes.tobytes()
    differing = [
        name
        for name, one, other in zip(features.NAMES, rows.T, expected.features.T, strict=True)
        if one.tobytes() != other.tobytes()
    ]
    assert not differing
    # What is compared is there: the inputs that the log lacks, too.
    seen = {name for name, column in zip(features.NAMES, rows.T, strict=True) if column.any()}
    assert {"rating", "price_clipped", "brand=3", "liked_this", "price_above_liked"} <= seen
    assert {"age_band=0", "gender=0", "region=0"} < {name for name in seen if name.endswith("=0")}
    assert all(any(n.startswith(kind) and n[-2:] != "=0" for n in seen) for kind in ("age_band=", "query="))
