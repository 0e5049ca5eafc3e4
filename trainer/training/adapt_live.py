"""Incremental update of the serving version from the newest events; the result passes the same gate as any
version.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.registry import registry
from models.registry.registry import Parts
from models.registry.versions import Version
from models.sessions.lifecycle import SessionConfig
from trainer.drift.drift import REFERENCE, reference, since
from trainer.evaluation.evaluate import judge_all, tiers
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples, ExamplesError
from trainer.examples.split import split
from trainer.gate.admission import admit
from trainer.gate.gate import GateReport
from trainer.gate.gate_settings import GateSettings
from trainer.gate.live_trial import LiveTrial
from trainer.gate.verdict import too_little
from trainer.logs.lineage import PRIOR_SHIFT, began, last_session, lineage
from trainer.loop.options import Options, stored
from trainer.promotion.ledger import LedgerError
from trainer.promotion.promotions import Promotions
from trainer.training.adapt import IncrementalUpdate, ended, fresh, incremental_update, parts_of

#: Shares of the sessions since the serving version, by time: to learn from, and for the gate to judge on.
SHARES = (0.7, 0.3)
#: Key in a version's metrics of the version that it is an incremental update of.
ADAPTED = "adapted from"


@dataclass(frozen=True)
class UpdateSource:
    """The log that `examples` were replayed from: its files, and their offsets in the topics."""

    examples: Examples
    files: Sequence[Path]
    offsets: Mapping[str, Any] = field(default_factory=dict)


def adapt(
    source: UpdateSource,
    step: IncrementalUpdate,
    settings: GateSettings,
    moves: Promotions,
    trial: LiveTrial | None = None,
) -> GateReport:
    """Update the serving version, save the result, and let the gate decide.

    Raises as `serving_version` and `save_update` do.
    """
    name = save_update(serving_version(moves), source, step, moves)
    return admit(name, source.examples, settings, moves, trial)


def save_update(version: Version, source: UpdateSource, step: IncrementalUpdate, moves: Promotions) -> str:
    """Update a version and save the result; returns its name.

    Raises ExamplesError if there are no new sessions, RegistryError.
    """
    recent, _ = split(_new(version, source), SHARES)
    now = int(recent.ts.max()) + SessionConfig().gap_ms
    past = ended(source.examples.part(source.examples.ts < now), now, SessionConfig().gap_ms)
    updated = _described(version, _step(version, recent, past, step), recent, past, source, step)
    return registry.save(moves.folder, updated, moves.now())


def _new(version: Version, source: UpdateSource) -> Examples:
    new = since(version, source.examples).clicks
    if not len(new):
        began = datetime.fromtimestamp(last_session(version.metrics) / 1000, UTC)
        raise ExamplesError(
            f"no sessions since {began:%Y-%m-%d %H:%M:%S} UTC, the newest that {version.id} has seen, that "
            "are over: give a log with newer clicks"
        )
    return new


def is_incremental_update(folder: Path) -> bool:
    """Whether the version in a folder is an incremental update or a shift of another one; False if its
    metrics cannot be read.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_bytes())
        return ADAPTED in metrics or PRIOR_SHIFT in metrics
    except (OSError, ValueError, TypeError):
        return False


def too_early(version: Version, source: UpdateSource, step: IncrementalUpdate, settings: GateSettings) -> str:
    """Why an update would be refused for lack of clicks; empty if it would not."""
    new = since(version, source.examples).clicks
    if len(new) < step.min_clicks:
        return f"{len(new):,} clicks are new and over, expected {step.min_clicks:,}"
    recent, _ = split(new, SHARES)
    judged = Holdout.newest(source.examples, began(recent))
    return too_little(judged.visitors, judged.buyers, bool(source.examples.buys.any()), settings)


def serving_version(moves: Promotions) -> Version:
    """The version that serves. Raises LedgerError if none does, RegistryError."""
    name = moves.ledger.status().serving
    if name is None:
        raise LedgerError("no version serves, so none can be adapted; train and promote one first")
    return registry.load(moves.folder / name)


def _options(version: Version) -> Options:
    return stored(version.metrics["options"])


def _step(version: Version, recent: Examples, past: Examples, step: IncrementalUpdate) -> Parts:
    return incremental_update(parts_of(version), recent, past, _options(version), step)


def _described(
    version: Version,
    parts: Parts,
    recent: Examples,
    past: Examples,
    source: UpdateSource,
    step: IncrementalUpdate,
) -> Parts:
    """The updated parts with their own figures, lineage and drift reference."""
    options, valid = _options(version), fresh(version.metrics, past, step)
    own = {
        ADAPTED: version.id,
        "lineage": lineage(source.files, options.seed, (recent,), source.offsets),
        REFERENCE: reference(parts, valid, options.ignored),
        **judge_all(tiers(parts), valid),
    }
    return replace(parts, metrics=parts.metrics | own)
