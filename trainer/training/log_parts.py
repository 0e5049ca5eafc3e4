"""Reads the files of a training run and splits them into training and validation parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from models.contract.aliases import EVENT_MAP, EventNames, event_name
from models.registry import registry
from models.registry.versions import AMOUNT_BOUNDS
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples
from trainer.examples.split import ended, split
from trainer.examples.vectors import read
from trainer.logs import warnings
from trainer.logs.catalogue_file import catalogue
from trainer.logs.lineage import lineage
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.logs.outliers import price_outliers
from trainer.logs.profile_files import read_profiles
from trainer.logs.reading import reading
from trainer.loop.options import Options
from trainer.tables.dialect import DETECTED, Dialect

#: Shares of the clicks, by time: for training, and for early stopping and calibration.
SHARES = (0.85, 0.15)


@dataclass(frozen=True)
class Run:
    """Inputs of a training run, and where the version goes.

    `mapping` is field -> column of the log; `names` maps its event names. `baselines` are trained on the same
    clicks and stored with the version, for `pathcast evaluate`. `checkpoint` is a folder from which a killed
    run continues; it is emptied when the version is saved. `start` is the folder of the version that training
    starts from. `content` is a file with vectors of items. `holdout` is the share of the newest clicks that
    the run leaves out for the gate. `offsets` are the topic offsets of the log (`trainer.logs.lineage`).
    `profiles` is a file with what the shop knows of people, in the form of the topic `profiles`. `dialect` is
    how the files are written, `items_mapping` is field -> column of the catalogue.
    """

    events: Sequence[Path]
    registry: Path
    items: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    baselines: bool = False
    checkpoint: Path | None = None
    start: Path | None = None
    names: EventNames = event_name
    content: Path | None = None
    holdout: float = 0.0
    offsets: Mapping[str, Any] = field(default_factory=dict)
    profiles: Path | None = None
    dialect: Dialect = DETECTED
    items_mapping: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """All files that the run reads, except the version that it starts from."""
        further = (self.items, self.content, self.profiles)
        return [*self.events, *(file for file in further if file is not None)]


class RunData(NamedTuple):
    """A log split by time into `learned` and `held_out`; `metrics` has warnings about it and its lineage."""

    learned: Examples
    held_out: Examples
    metrics: dict[str, Any]
    start: registry.Version | None
    content: CatalogueContent | None


def read_run(run: Run) -> RunData:
    """Read the files of a run. Raises LogError, ExamplesError or RegistryError."""
    shop = catalogue(run.items, run.items_mapping, run.dialect)
    profiles = read_profiles(run.profiles)
    with reading(run.events):
        events = read_log(run.events, run.mapping, run.names, run.dialect)
        replayed = replay_log(events, shop, profiles)
        priced = price_outliers(run.events, run.mapping, run.dialect)
    learned, held_out = _split(ended(replayed.examples()), run.holdout)
    log = {"files": [file.name for file in run.events], "rejected": replayed.rejected}
    log |= {EVENT_MAP: run.names.mapping} if run.names.mapping else {}
    if replayed.bounds is not None:
        log |= {AMOUNT_BOUNDS: replayed.bounds.prices}
    log |= {"clipped": replayed.clipped} if replayed.clipped else {}
    known = warnings.strangers(learned.items.values(), shop, run.items)
    log |= {"notes": [*warnings.notes(replayed, learned), *warnings.prices(*priced), *known]}
    start = registry.load(run.start) if run.start else None
    content = CatalogueContent(read(run.content), shop) if run.content else None
    origin = lineage(run.files, run.options.seed, (learned, held_out), run.offsets)
    return RunData(learned, held_out, {"log": log, "lineage": origin}, start, content)


def _split(examples: Examples, holdout: float) -> tuple[Examples, Examples]:
    shares = [(1 - holdout) * share for share in SHARES]
    learned, held_out, *_ = split(examples, (*shares, holdout) if holdout else SHARES)
    return learned, held_out
