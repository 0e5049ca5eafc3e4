"""The model that is measured: the one that `pathcast train` makes of the shipped log, kept in build/bench."""

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from deploy.runs.progress_bar import Bar, use_cores
from models.features.features import FEATURES_VERSION
from models.registry import registry
from models.registry.versions import FORMAT, Version
from tests.bench.clicks import ROOT, Log
from tests.bench.sizes import Sizes
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

KEPT = ROOT / "build" / "bench"
#: What `pathcast train` does without options, however busy the machine: no budget of time cuts it short.
DEFAULTS = Options(seconds=3_600.0)
ENCODER = DEFAULTS.encoder


@dataclass(frozen=True)
class Model:
    """A version, its registry, and the log (items of which are the catalogue) that it was trained on."""

    version: Version
    registry: Path
    log: Path


def model(log: Log, sizes: Sizes, encoder: str, kept: Path = KEPT) -> Model:
    """The kept model of this log, these options and features; trained now where there is none."""
    options = _options(sizes, encoder)
    folder = kept / _identity(log, sizes, options)
    file, versions = folder / "log.parquet", folder / "registry"
    found = sorted(versions.glob("*/manifest.json")) if versions.exists() else []
    if found:
        return Model(registry.load(found[-1].parent, "cpu"), versions, file)
    folder.mkdir(parents=True, exist_ok=True)
    frame = log.frame.drop("session", "since").sort("ts", maintain_order=True)
    frame.head(sizes.trained or len(frame)).write_parquet(file)
    return Model(_trained(Run([file], versions, options=options)), versions, file)


def _trained(run: Run) -> Version:
    """As `pathcast train` does, which takes minutes, so it says where it is."""
    use_cores()
    bar = Bar(Console(stderr=True))
    with bar.progress:
        return train(run, int(time.time() * 1000), bar)


def _options(sizes: Sizes, encoder: str) -> Options:
    """The defaults, but for the sizes that only show that everything runs; other encoders learn once."""
    chosen = DEFAULTS if sizes.epochs is None else replace(DEFAULTS, epochs=sizes.epochs, refit=False)
    return chosen if encoder == ENCODER else replace(chosen, encoder=encoder, refit=False)


def _identity(log: Log, sizes: Sizes, options: Options) -> str:
    content = hashlib.sha256(log.path.read_bytes()).hexdigest()
    parts = f"4 {content} {log.items} {sizes.trained} {options} {FEATURES_VERSION} {FORMAT}"
    return hashlib.sha256(parts.encode()).hexdigest()[:12]
