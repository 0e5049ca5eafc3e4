"""A model version on disk: one folder, written whole or not at all, with a manifest of SHA-256 digests.

registry/<version>/
├── manifest.json        version, format, features version; digest and size of every other file
├── config.json          sizes and settings of the parts
├── vocabulary.json      item ids and their categories
├── metrics.json         quality on validation data, and which data
├── model.safetensors    the network's weights
├── neighbours.safetensors   the session index and the popularity prior
├── baselines.json       baselines for comparison; empty where none were trained
├── baselines.safetensors    the arrays of the baselines
├── trees.json           trees stacked with the network in purchase intent, and weights; empty without
├── head_trees.json      trees blended with the network in further heads, and weights; empty without
└── curve.png            the learning curve; only where the training drew one
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from models.features.features import FEATURES_VERSION
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.registry.json_arrays import split_arrays
from models.registry.loading import load
from models.registry.refusals import RegistryError
from models.registry.version_writing import as_json, write_version
from models.registry.versions import CURVE, FILES, FORMAT, Version
from models.scoring.blend import Blend
from models.scoring.forest import Forest
from models.scoring.head_forests import HeadForests
from models.scoring.rates import StageRates
from models.scoring.session_index import NeighbourSettings, SessionIndex

__all__ = ["Parts", "RegistryError", "Version", "load", "save"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a version. `popularity` int64 [V] are the items' prior weights.

    `blend` weighs network and session kNN in the ranking of items, `forest` stacks purchase intent with
    trees, `head_forests` some of the further heads; None: the network alone.
    `curve` is a PNG of the learning curve, for people.
    """

    network: Network
    vocabulary: Vocabulary
    index: SessionIndex
    settings: NeighbourSettings
    popularity: NDArray[np.int64]
    rates: StageRates
    metrics: dict[str, Any]
    baselines: dict[str, Any] = field(default_factory=dict)
    blend: Blend | None = None
    forest: Forest | None = None
    head_forests: HeadForests | None = None
    curve: bytes = b""


def save(directory: Path, parts: Parts, created_at: int) -> str:
    """Write a version made at `created_at` (epoch ms) into a folder under `directory`; returns its name.

    Names sort by time. Raises RegistryError where the disk refuses.
    """
    facts = {"format": FORMAT, "features_version": FEATURES_VERSION}
    return write_version(directory, _contents(parts, created_at), created_at, facts)


def _contents(parts: Parts, created_at: int) -> dict[str, bytes]:
    config = {
        "created_at": created_at,
        "network": parts.network.config.as_dict(),
        "neighbours": asdict(parts.settings),
        "rates": asdict(parts.rates),
        "blend": asdict(parts.blend) if parts.blend else None,
    }
    vocabulary = {"ids": parts.vocabulary.ids, "categories": parts.vocabulary.categories.tolist()}
    arrays = {**asdict(parts.index), "popularity": parts.popularity}
    weights = {name: tensor.cpu().contiguous() for name, tensor in parts.network.state_dict().items()}
    baselines, baseline_arrays = split_arrays(parts.baselines)
    contents = (
        as_json(config),
        as_json(vocabulary),
        as_json(parts.metrics),
        save_tensors(weights),
        save_arrays(arrays),
        as_json(baselines),
        save_arrays(baseline_arrays),
        as_json(parts.forest.state if parts.forest else {}),
        as_json(parts.head_forests.state if parts.head_forests else {}),
    )
    made = dict(zip(FILES, contents, strict=True))
    return made | {CURVE: parts.curve} if parts.curve else made
