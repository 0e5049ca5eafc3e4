"""One training run, from log files to a version in the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.contract.aliases import EventNames, event_name
from models.contract.catalogue import Catalogue, Item
from models.contract.event_map import TABLE as EVENT_MAP
from models.registry import registry
from models.registry.registry import Parts
from trainer.baselines import Baselines
from trainer.baselines.baseline_kinds import State
from trainer.drift.drift import REFERENCE, reference
from trainer.evaluation import head_baselines, worth, worth_text
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.examples.vectors import read
from trainer.fitting.fit import Journal, Report
from trainer.logs import warnings
from trainer.logs.lineage import lineage
from trainer.logs.log_files import read_items, read_log
from trainer.logs.log_replay import walk
from trainer.logs.outliers import odd_prices
from trainer.logs.profile_files import read_profiles
from trainer.logs.reading import reading
from trainer.loop.checkpoint import clear
from trainer.loop.options import Options
from trainer.loop.progress import STAGE, Point, best
from trainer.loop.targets import HeadPlan
from trainer.training import refit
from trainer.training.build import choose
from trainer.training.learn import Learned, learn

#: Of the clicks, by time: what is learned from first, and what stops and calibrates that.
SHARES = (0.85, 0.15)
#: Where a version keeps the verdict on it: `said` are sentences.
VERDICT = "verdict"


@dataclass(frozen=True)
class Run:
    """What to learn from, and where the version goes. `mapping` is field -> column of the log, `names`
    reads its event names.

    `baselines` are trained on the same clicks and kept with the version, for `pathcast evaluate`.
    `checkpoint` is a folder from which a killed run goes on; it is emptied when the version is saved.
    `start` is the folder of the version that training begins with. `content` has vectors of items.
    `holdout` is the share of the newest clicks that the run does not look at: a gate judges on them.
    `offsets` say which places of the topics the log holds (`trainer.logs.lineage`). `profiles` is what the
    shop knows of people, as it is on the topic `profiles`.
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

    @property
    def files(self) -> list[Path]:
        """All that the run reads but the version that it begins with."""
        further = (self.items, self.content, self.profiles)
        return [*self.events, *(file for file in further if file is not None)]


def catalogue(file: Path | None) -> Catalogue:
    """The catalogue of a file of items; an empty one without. Raises LogError."""
    found = Catalogue()
    if file is None:
        return found
    with reading([file]):
        rows = read_items(file).collect().iter_rows(named=True)
    for row in rows:
        item_id = row.pop("item_id")
        found.put(item_id, Item(**row))
    return found


class Parted(NamedTuple):
    """A log by time: what is learned from, what is held out; what is odd about it and where it came from."""

    learned: Examples
    held_out: Examples
    said: dict[str, Any]
    start: registry.Version | None
    content: CatalogueContent | None


def _parted(run: Run) -> Parted:
    shop, profiles = catalogue(run.items), read_profiles(run.profiles)
    with reading(run.events):
        walked = walk(read_log(run.events, run.mapping, run.names), shop, profiles)
        priced = odd_prices(run.events, run.mapping)
    learned, held_out = _split(walked.examples(), run.holdout)
    said = {"files": [file.name for file in run.events], "rejected": walked.rejected}
    said |= {EVENT_MAP: run.names.mapping} if run.names.mapping else {}
    known = warnings.strangers(learned.items.values(), shop, run.items)
    said |= {"notes": [*warnings.notes(walked, learned), *warnings.prices(*priced), *known]}
    start = registry.load(run.start) if run.start else None
    content = CatalogueContent(read(run.content), shop) if run.content else None
    origin = lineage(run.files, run.options.seed, (learned, held_out), run.offsets)
    return Parted(learned, held_out, {"log": said, "lineage": origin}, start, content)


def _split(examples: Examples, holdout: float) -> tuple[Examples, Examples]:
    shares = [(1 - holdout) * share for share in SHARES]
    learned, held_out, *_ = split(examples, (*shares, holdout) if holdout else SHARES)
    return learned, held_out


def train(run: Run, created_at: int, report: Report) -> registry.Version:
    """Read the log, train, judge, save as of `created_at` (epoch ms), and load what was saved, to be sure.

    Raises LogError, ExamplesError, WarmStartError, CheckpointError or RegistryError.
    """
    learned, held_out, said, start, content = _parted(run)
    given = learned, held_out, run.options, report, Journal(run.checkpoint), start, content
    first = learn(*given)
    again = refit.again(first, *given)
    parts = choose(first, learned, held_out, run.options, given[4].curve)
    verdict = _verdict(parts, learned, held_out, run.options, given[4].curve)
    parts = replace(parts, metrics=parts.metrics | verdict)
    # What answers look like on clicks that were not learned from.
    kept: dict[str, Any] = {REFERENCE: reference(parts, held_out, run.options.ignored)}
    known = _known(parts)
    parts = refit.refitted(parts, again) if again else parts
    if run.baselines:
        found = Baselines.learn(learned, held_out, None if again else parts.vocabulary, known)
        found = found.again(again.every, parts.vocabulary, _known(parts)) if again else found
        heads = head_baselines.learn(again.every if again else learned, HeadPlan.of(parts.network.config))
        parts = replace(parts, baselines=found.state | {"heads": heads})
    said["log"]["notes"] += warnings.fitted(parts.metrics["neural"]["brier"], held_out)
    said["log"]["notes"] += warnings.begun(start, held_out)
    said["log"]["notes"] += _refitted(run.options, first, again)
    parts = replace(parts, metrics=parts.metrics | said | kept)
    version = registry.load(run.registry / registry.save(run.registry, parts, created_at))
    if run.checkpoint:
        clear(run.checkpoint)
    return version


def _verdict(
    parts: Parts, learned: Examples, held_out: Examples, options: Options, curve: Sequence[Point]
) -> dict[str, Any]:
    """Which answers are worth publishing, and what would help, before the newest clicks are learned from."""
    found = worth.judged(parts, learned, held_out, options.publish_heads == "all")
    made = [point for point in curve if point.stage == STAGE]
    bought = len(np.unique(learned.session[learned.buys]))
    told = worth_text.sentences(found | parts.metrics)
    told += worth_text.help_of(found, bought, len(made), 1 + best(made).epoch) if made else []
    heads = {worth.HEADS: found[worth.HEADS]} if worth.HEADS in found else {}
    return heads | {VERDICT: {"said": told, worth.INTENT: found[worth.INTENT]}}


def _known(parts: Parts) -> dict[str, State]:
    """Baselines that a version has anyway."""
    return {"lightgbm": parts.forest.state} if parts.forest else {}


def _refitted(options: Options, first: Learned, again: refit.Again | None) -> list[str]:
    return warnings.refitted(options.refit, first.epochs[0], again.learned.epochs[0] if again else 0)


def follow(run: Run) -> None:
    """Be one of the processes that train together, but not the one that saves the version."""
    learned, held_out, _, start, content = _parted(run)
    journal = Journal(run.checkpoint)
    given = learned, held_out, run.options, lambda progress: None, journal, start, content
    refit.again(learn(*given), *given)
