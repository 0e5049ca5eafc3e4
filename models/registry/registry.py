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
└── curve.png            the learning curve; only where the training drew one
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from models.durable_files import staged_folder, write_synced
from models.features.features import FEATURES_VERSION
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.registry.json_arrays import split_arrays
from models.registry.loading import load
from models.registry.refusals import RegistryError
from models.registry.remote import unwritable
from models.registry.versions import CURVE, FILES, FORMAT, MANIFEST, Version
from models.scoring.blend import Blend
from models.scoring.forest import Forest
from models.scoring.rates import StageRates
from models.scoring.session_index import NeighbourSettings, SessionIndex

__all__ = ["Parts", "RegistryError", "Version", "load", "save"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a version. `popularity` int64 [V] are the items' prior weights.

    `blend` weighs network and session kNN in the ranking of items, `forest` stacks purchase intent with
    trees; None: the network alone. `curve` is a PNG of the learning curve, for people.
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
    curve: bytes = b""


def save(directory: Path, parts: Parts, created_at: int) -> str:
    """Write a version made at `created_at` (epoch ms) into a folder under `directory`; returns its name.

    Names sort by time. Raises RegistryError where the disk refuses.
    """
    contents = _contents(parts, created_at)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    version = f"{datetime.fromtimestamp(created_at / 1000, UTC):%Y%m%dT%H%M%S}-{digest[:12]}"
    manifest = {
        "version": version,
        "digest": digest,
        "format": FORMAT,
        "features_version": FEATURES_VERSION,
        "created_at": created_at,
        "files": digests,
        "sizes": {name: len(content) for name, content in contents.items()},
    }
    try:
        _write(directory, version, contents | {MANIFEST: _json(manifest)})
    except OSError as error:
        raise unwritable(directory / version, error) from error
    return version


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
        _json(config),
        _json(vocabulary),
        _json(parts.metrics),
        save_tensors(weights),
        save_arrays(arrays),
        _json(baselines),
        save_arrays(baseline_arrays),
        _json(parts.forest.state if parts.forest else {}),
    )
    made = dict(zip(FILES, contents, strict=True))
    return made | {CURVE: parts.curve} if parts.curve else made


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _write(directory: Path, version: str, contents: dict[str, bytes]) -> None:
    """Whole or not at all: a reader never sees half a version."""
    if (directory / version).exists():
        return
    with staged_folder(directory / version) as partial:
        for name, content in contents.items():
            write_synced(partial / name, content)
        partial.chmod(0o755)
