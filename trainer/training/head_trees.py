"""Which further heads trees serve beside the network: learned on training clicks, chosen on validation.

Validation is divided into successive parts. The weights of network and trees are fitted on the parts before
each, and judged on it (`trainer.fitting.head_blend`). A head keeps its trees if both are better than the
network alone, beyond noise.
"""

from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.head_table import HeadPart, Kind, Layout
from models.features.tree_columns import Columns, ColumnTable
from models.features.vocabulary import Vocabulary
from models.network import coherence
from models.network.network import Network
from models.registry.registry import Parts
from models.scoring.forest import Forest
from models.scoring.head_forests import HeadForests
from trainer.examples.examples import Examples
from trainer.fitting import head_blend
from trainer.fitting.head_forest import HeadLessons
from trainer.fitting.head_losses import calibrate_probabilities
from trainer.fitting.losses import validate
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.loop.targets import HeadPlan, Targets

#: Key in a version's metrics of what was tried.
HEAD_TREES: Final = "head trees"
#: Distributions that trees are tried for; in the others the network is ahead of trees by far.
DISTRIBUTIONS: Final = ("next_event",)
#: With fewer labelled clicks of validation a head is not judged, and the network answers.
LEAST: Final = 500


class _Validation(NamedTuple):
    """The network's raw outputs [N, R] of validation clicks, their labels, and the clicks."""

    raw: Tensor
    labels: Targets
    clicks: Examples


def chosen(parts: Parts, train: Examples, valid: Examples, options: Options) -> Parts:
    """The version with trees for the heads that they are worth it for; the heads' calibration becomes that
    of both together. Its metrics say what was tried.
    """
    planned = HeadPlan.of(parts.network.config)
    names = candidates(planned)
    if not names:
        return parts
    outputs = _validated(parts.network, parts.vocabulary, valid, options)
    learned = train.grouped()
    table = _table(parts.forest, learned)
    states = HeadLessons(table, learned, planned).learn(names)
    tried = _tried(states, table, parts, outputs)
    kept = {name: state for name, (state, trial) in tried.items() if trial.kept}
    metrics = parts.metrics | {HEAD_TREES: {name: _told(trial) for name, (_, trial) in tried.items()}}
    if not kept:
        return replace(parts, metrics=metrics)
    forests = _forests(kept, table, parts.network, parts.forest)
    _calibrate(parts.network, forests, outputs)
    return replace(parts, head_forests=forests, metrics=metrics)


def candidates(planned: HeadPlan) -> list[str]:
    """The names of a version's heads that trees are tried for."""
    parts = Layout.of(planned.tasks).parts
    return [p.head.name for p in parts if p.head.kind is Kind.BINARY or p.head.name in DISTRIBUTIONS]


def refit(parts: Parts, every: Examples) -> HeadForests | None:
    """The same heads' trees learned from all clicks; the weights stay. `parts` have the refitted network and
    forest of purchase intent, and the head forests from before.
    """
    if parts.head_forests is None:
        return None
    before = parts.head_forests.state["heads"]
    table = _table(parts.forest, every)
    learned = HeadLessons(table, every, HeadPlan.of(parts.network.config)).learn(list(before))
    states = {name: learned[name] | {"weights": before[name]["weights"]} for name in learned}
    return _forests(states, table, parts.network, parts.forest) if states else None


def calibrate(parts: Parts, network: Network, valid: Examples, options: Options) -> None:
    """Set the calibration of a further trained network's heads to that of network and trees together."""
    if parts.head_forests is not None:
        outputs = _validated(network, parts.vocabulary, valid, options)
        _calibrate(network, parts.head_forests, outputs)


def _calibrate(network: Network, forests: HeadForests, outputs: _Validation) -> None:
    assert network.tasks is not None
    mixed = outputs.raw.numpy().copy()
    forests.mix(mixed, outputs.clicks.batch())
    calibrate_probabilities(network.tasks, torch.from_numpy(mixed), outputs.labels)


def _validated(network: Network, words: Vocabulary, valid: Examples, options: Options) -> _Validation:
    clicks = valid.grouped()
    data = prepare(clicks, words, options.longest, HeadPlan.of(network.config))
    raw = validate(network, data, options.clicks_per_batch).raw
    network.eval()
    assert raw is not None
    assert data.tasks is not None
    return _Validation(raw, data.tasks, clicks)


def _table(forest: Forest | None, grouped: Examples) -> ColumnTable:
    """The columns of purchase intent's trees, where there are some, so that a batch has one table."""
    return forest.table if forest else ColumnTable.learn(grouped.codes, grouped.features)


def _forests(
    heads: dict[str, Any], table: ColumnTable, network: Network, forest: Forest | None
) -> HeadForests:
    assert network.tasks is not None
    return HeadForests({"ranks": table.ranks, "heads": heads}, network.tasks.layout, forest)


def _tried(
    states: dict[str, Any], table: ColumnTable, parts: Parts, outputs: _Validation
) -> dict[str, tuple[dict[str, Any], head_blend.BlendTrial]]:
    """Each head's state with weights fitted on all of validation, and how it did on the parts of it."""
    assert parts.network.tasks is not None
    layout, clicks = parts.network.tasks.layout, outputs.clicks
    own = coherence.without_impossible_classes(layout, outputs.raw, outputs.labels.buys).double().numpy()
    columns, tried = table(clicks.batch()), {}
    for name, state in states.items():
        part = layout[name]
        label, known = _label(outputs.labels, layout, part)
        if known.sum() < LEAST:
            continue
        said = _said(state, part, table, layout, columns[known], parts.forest)
        terms = head_blend.terms(own[known][:, part.raw], said)
        trial = head_blend.judged(terms, label[known], clicks.began[known], clicks.visitor[known])
        weights = [round(float(one), 4) for one in head_blend.fitted(terms, label[known])[:2]]
        if weights[1] > 0:
            tried[name] = (state | {"weights": weights}, trial)
    return tried


def _label(labels: Targets, layout: Layout, part: HeadPart) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Classes [N] of a head's labels (0 and 1 of yes-or-no heads), and which clicks have one."""
    place = [one.head.name for _, one in layout.of_kind(part.head.kind)].index(part.head.name)
    if part.head.kind is Kind.CLASSES:
        found = labels.classes[:, place, 0].numpy()
        return found.astype(np.int64), found >= 0
    label = labels.binary[:, place].numpy()
    return np.nan_to_num(label).astype(np.int64), ~np.isnan(label)


def _said(
    state: dict[str, Any],
    part: HeadPart,
    table: ColumnTable,
    layout: Layout,
    columns: Columns,
    forest: Forest | None,
) -> NDArray[np.float64]:
    """What a head's trees alone say of columns [N, C]: its outputs [N, K]."""
    heads = {part.head.name: state | {"weights": [0.0, 1.0]}}
    alone = np.zeros((len(columns), layout.raw), dtype=np.float32)
    HeadForests({"ranks": table.ranks, "heads": heads}, layout, forest).blend(columns, alone)
    return alone[:, part.raw].astype(np.float64)


def _told(trial: head_blend.BlendTrial) -> dict[str, Any]:
    """A trial as an entry of a version's metrics."""
    return trial._asdict() | {"kept": trial.kept}
