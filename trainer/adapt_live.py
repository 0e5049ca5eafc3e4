"""A small version from the newest events, through the same gate as any other one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models import registry
from models.lifecycle import SessionConfig
from models.registry import Parts
from models.versions import Version
from trainer.adapt import Step, adapted, ended, newest_clicks, parts_of
from trainer.admission import admit
from trainer.drift import REFERENCE, reference, since
from trainer.evaluate import judge_all, rungs
from trainer.examples import Examples
from trainer.gate import Report
from trainer.gate_settings import GateSettings
from trainer.ledger import LedgerError
from trainer.lineage import lineage
from trainer.live_trial import LiveTrial
from trainer.options import Options, stored
from trainer.promotions import Promotions
from trainer.split import split

#: Of the sessions since the serving version, by time: what is learned from, and what the gate judges on.
SHARES = (0.7, 0.3)


@dataclass(frozen=True)
class Source:
    """The log that `examples` were walked from: its files, and where they stand in the topics."""

    examples: Examples
    files: Sequence[Path]
    offsets: Mapping[str, Any] = field(default_factory=dict)


def adapt(
    source: Source, step: Step, settings: GateSettings, moves: Promotions, trial: LiveTrial | None = None
) -> Report:
    """Take the serving version a step further, save it, and let the gate decide. Raises as `stepped` does."""
    return admit(stepped(source, step, moves), source.examples, settings, moves, trial)


def stepped(source: Source, step: Step, moves: Promotions) -> str:
    """Take the serving version a step further and save it; which version that is.

    Raises LedgerError where nothing serves, ExamplesError where there is nothing new, RegistryError.
    """
    name = moves.ledger.standing().serving
    if name is None:
        raise LedgerError("no version serves, so none can be adapted; train and promote one first")
    version = registry.load(moves.folder / name)
    recent, _ = split(since(version, source.examples).clicks, SHARES)
    now = int(recent.ts.max()) + SessionConfig().gap_ms
    past = ended(source.examples.part(source.examples.ts < now), now, SessionConfig().gap_ms)
    made = _described(version, _step(version, recent, past, step), recent, past, source, step)
    return registry.save(moves.folder, made, moves.now())


def _options(version: Version) -> Options:
    return stored(version.metrics["options"])


def _step(version: Version, recent: Examples, past: Examples, step: Step) -> Parts:
    return adapted(parts_of(version), recent, past, _options(version), step)


def _described(
    version: Version, parts: Parts, recent: Examples, past: Examples, source: Source, step: Step
) -> Parts:
    """With figures, lineage and reference of its own."""
    options, valid = _options(version), newest_clicks(past, step.calibrating_clicks)
    own = {
        "adapted from": version.id,
        "lineage": lineage(source.files, options.seed, (recent,), source.offsets),
        REFERENCE: reference(parts, valid, options.ignored),
        **judge_all(rungs(parts), valid),
    }
    return replace(parts, metrics=parts.metrics | own)
