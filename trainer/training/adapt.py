"""Incremental update of a version from the newest events, between two trainings.

The network is trained a little further on finished sessions and calibrated on the newest ones, whose outcomes
are known; the session index is rebuilt with them. Items and heads do not change.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as load_arrays

from models.network.network import Network
from models.registry.registry import Parts
from models.registry.versions import Version
from models.scoring.blend import Blend
from models.scoring.session_index import NeighbourSettings, SessionIndex
from trainer.defaults import IncrementalUpdate as IncrementalUpdate
from trainer.examples.examples import Examples
from trainer.fitting.fit import fit
from trainer.logs.lineage import learned_until
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.loop.targets import HeadPlan
from trainer.training import head_trees, stacking
from trainer.training.log_counts import index


def incremental_update(
    parts: Parts, recent: Examples, log: Examples, options: Options, step: IncrementalUpdate
) -> Parts:
    """`parts` after an update on the clicks `recent`, the newest of `log`; the session index covers all of
    `log`.
    """
    valid = fresh(parts.metrics, log, step)
    enough = len(np.unique(valid.session[valid.buys])) >= step.min_buyers
    network, words = _trainable(parts.network, options), parts.vocabulary
    plan = HeadPlan.of(network.config)
    torch.manual_seed(options.seed)
    data = prepare(recent, words, options.longest, plan, options.session_exponent)
    # A calibration on many clicks is not replaced by one on a few.
    judged_on = prepare(valid, words, options.longest, plan) if enough else None
    # Adagrad would restart with its full step size; AdamW alone keeps the update small.
    how = replace(
        options, epochs=step.epochs, learning_rate=step.learning_rate, table_rate=0.0, pretrain="none"
    )
    fit(network, data, judged_on, how, _silent)
    if parts.forest is not None and enough:
        stacking.calibrate(network, words, parts.forest, valid, options)
    if enough:
        head_trees.calibrate(parts, network, valid, options)
    return replace(parts, network=network.cpu(), index=index(log, words, parts.settings))


def _trainable(network: Network, options: Options) -> Network:
    """A trainable copy: a scorer froze the original. Parameters that training does not change stay frozen."""
    copy = deepcopy(network).requires_grad_(True)
    copy.sparse = False
    copy.item_bias.requires_grad_(not network.config.cosine)
    if copy.tasks is not None:
        copy.tasks.noise.requires_grad_(options.loss_weights == "learned")
    return copy


def fresh(metrics: Mapping[str, Any], log: Examples, step: IncrementalUpdate) -> Examples:
    """The newest clicks that no training of a version with these metrics has used; the update is judged and
    calibrated on them.
    """
    return newest_clicks(log.part(log.began > learned_until(metrics)), step.calibrating_clicks)


def newest_clicks(log: Examples, count: int) -> Examples:
    """The sessions that contain the last `count` clicks of a log."""
    return log.part(np.isin(log.session, np.unique(log.session[-count:])))


def parts_of(version: Version) -> Parts:
    """The parts of a loaded version, to be changed and saved as another version."""
    config = json.loads((version.path / "config.json").read_bytes())
    arrays = load_arrays((version.path / "neighbours.safetensors").read_bytes())
    arrays.pop("popularity")
    return Parts(
        network=version.network,
        vocabulary=version.vocabulary,
        index=SessionIndex(**arrays),
        settings=NeighbourSettings(**config["neighbours"]),
        popularity=version.popularity,
        rates=version.rates,
        metrics=dict(version.metrics),
        baselines=version.baselines,
        blend=Blend(**config["blend"]) if config["blend"] else None,
        forest=version.neural.forest,
        head_forests=version.neural.head_forests,
    )


def ended(examples: Examples, now: int, gap_ms: int) -> Examples:
    """Sessions that were over at `now` (epoch ms): no click for `gap_ms`."""
    session, inverse = np.unique(examples.session, return_inverse=True)
    last = np.full(len(session), np.iinfo(np.int64).min)
    np.maximum.at(last, inverse, examples.ts)
    return examples.part((last <= now - gap_ms)[inverse])


def _silent(progress: object) -> None:
    pass
