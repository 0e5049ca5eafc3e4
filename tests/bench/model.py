"""A model of the benchmark's own: a quick training on the log, kept in build/bench from run to run."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.features.features import FEATURES_VERSION
from models.registry import registry
from models.registry.versions import FORMAT, Version
from tests.bench.clicks import ROOT, Log
from tests.bench.sizes import Sizes
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

KEPT = ROOT / "build" / "bench"
#: The default: what is measured in full.
ENCODER = Options().encoder


@dataclass(frozen=True)
class Model:
    """A version, its registry, and the log (items of which are the catalogue) that it was trained on."""

    version: Version
    registry: Path
    log: Path


def model(log: Log, sizes: Sizes, encoder: str, kept: Path = KEPT) -> Model:
    """The kept model of this log, sizes, encoder and features; trained now where there is none."""
    identity = f"3 {encoder} {log.path.name} {sizes.trained} {sizes.epochs} {FEATURES_VERSION} {FORMAT}"
    folder = kept / hashlib.sha256(identity.encode()).hexdigest()[:12]
    file, versions = folder / "log.parquet", folder / "registry"
    found = sorted(versions.glob("*/manifest.json")) if versions.exists() else []
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        _training_log(log, sizes.trained).write_parquet(file)
        options = Options(epochs=sizes.epochs, seconds=90.0, encoder=encoder, refit=False)
        version = train(Run([file], versions, options=options), int(time.time() * 1000), lambda _: None)
    else:
        version = registry.load(found[-1].parent, "cpu")
    return Model(version, versions, file)


def _training_log(log: Log, clicks: int) -> pl.DataFrame:
    """The log's first clicks, and before them one of each item that they leave out."""
    frame = log.frame.drop("session", "since").sort("ts", maintain_order=True)
    first, rest = frame.head(clicks), frame.slice(clicks)
    missing = rest.filter(pl.col("item_id").is_not_null()).join(first, on="item_id", how="anti")
    earlier = missing.unique("item_id", keep="first", maintain_order=True).with_columns(ts=first["ts"][0])
    return pl.concat([earlier, first])
