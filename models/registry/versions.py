"""A loaded model version: the scorers of all tiers that need a model."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.torch import load as load_tensors

from models.contract.events import AmountBounds
from models.features.vocabulary import Vocabulary
from models.network.network import Config, Network
from models.registry import sample_sessions
from models.registry.json_arrays import join_arrays
from models.registry.refusals import ContentError, Refusal, RegistryError
from models.registry.version_files import MANIFEST
from models.retrieval.select import LEAST_ITEMS
from models.scoring.blend import Blend, Hybrid
from models.scoring.forest import Forest
from models.scoring.head_forests import HeadForests
from models.scoring.popularity import Popularity
from models.scoring.rates import StageRates
from models.scoring.scorer import NeuralScorer, pick_device
from models.scoring.session_index import NeighbourSettings, SessionIndex
from models.scoring.session_knn import NeighbourScorer

FORMAT: Final = 5
FILES: Final = (
    "config.json",
    "vocabulary.json",
    "metrics.json",
    "model.safetensors",
    "neighbours.safetensors",
    "baselines.json",
    "baselines.safetensors",
    "trees.json",
    "head_trees.json",
)
#: Where the metrics of a version's log have the bounds of amounts: unit prices by currency.
AMOUNT_BOUNDS: Final = "amount_bounds"
#: An optional file: its digest is verified, its content is not loaded.
CURVE: Final = "curve.png"

__all__ = ["CURVE", "FILES", "FORMAT", "MANIFEST", "RegistryError", "Version", "assemble"]


@dataclass(frozen=True, slots=True)
class Version:
    """`id` is the folder's name, `id64` the id in visitors' records beside hidden states.

    `popularity` int64 [V] are prior weights of items; `prior` is the popularity tier without counts of a
    partition.
    """

    id: str
    id64: int
    path: Path
    created_at: int
    metrics: dict[str, Any]
    baselines: dict[str, Any]
    vocabulary: Vocabulary
    neural: NeuralScorer
    neighbours: NeighbourScorer
    rates: StageRates
    popularity: NDArray[np.int64]
    prior: Popularity

    @property
    def amount_bounds(self) -> AmountBounds:
        """Bounds of amounts that were learned from the version's log."""
        return AmountBounds(self.metrics.get("log", {}).get(AMOUNT_BOUNDS, {}))

    @property
    def network(self) -> Network:
        """The network that scores; a copy of it may be trained further."""
        return self.neural.network


def assemble(path: Path, manifest: dict[str, Any], contents: dict[str, bytes], device: str) -> Version:
    """A version from the contents of its FILES. Raises ValueError, KeyError and others for wrong content."""
    config, vocabulary, metrics = (json.loads(contents[name]) for name in FILES[:3])
    # 63 bits, never 0, which stands for "no hidden state".
    name, id64 = str(manifest["version"]), int(manifest["digest"][:16], 16) >> 1 | 1
    network = _network(Config(**config["network"]), load_tensors(contents["model.safetensors"]))
    words = _vocabulary(network.config, vocabulary)
    arrays = load_arrays(contents["neighbours.safetensors"])
    index = _index(arrays, len(words.ids))
    rates = StageRates(_four(config["rates"]["seen"]), _four(config["rates"]["bought"]))
    near = NeighbourScorer(index, words, rates, name, NeighbourSettings(**config["neighbours"]))
    hybrid = Hybrid(near, Blend(**config["blend"])) if config["blend"] else None
    trees = _object(contents["trees.json"])
    forest = Forest(trees) if trees else None
    heads = _head_forests(_object(contents["head_trees.json"]), network, forest)
    neural = NeuralScorer(network, words, name, id64, pick_device(device), hybrid, forest, heads)
    if neural.layout is not None:
        neural.layout = neural.layout.silenced(metrics.get("heads", {}))
    if len(words.ids) >= LEAST_ITEMS:
        neural.select_retriever(sample_sessions.views(index, words))
    weights = _shaped(arrays["popularity"], "popularity", len(words.ids))
    # Counted on the loading thread, because a large catalogue would delay a chunk.
    counts = zip(words.ids, words.categories.tolist(), weights.tolist(), strict=True)
    return Version(
        id=name,
        id64=id64,
        path=path,
        created_at=int(manifest["created_at"]),
        metrics=metrics,
        baselines=join_arrays(
            _object(contents["baselines.json"]), load_arrays(contents["baselines.safetensors"])
        ),
        vocabulary=words,
        neural=neural,
        neighbours=near,
        rates=rates,
        popularity=weights,
        prior=Popularity(counts, rates, name),
    )


def _object(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError(f"baselines or trees are {type(found).__name__}, expected an object")
    return found


def _head_forests(state: dict[str, Any], network: Network, forest: Forest | None) -> HeadForests | None:
    if not state:
        return None
    if network.tasks is None:
        raise ValueError("trees of further heads without such heads")
    return HeadForests(state, network.tasks.layout, forest)


def _network(config: Config, weights: dict[str, torch.Tensor]) -> Network:
    broken = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ContentError(f"weights that are not finite: {', '.join(broken)}", Refusal.NOT_FINITE)
    network = Network(config)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ContentError(f"weights of another shape: {error}", Refusal.SHAPE) from error
    _within(network.item_categories.numpy(), config.sizes.rows, "item_categories")
    return network


def _vocabulary(config: Config, stored: dict[str, Any]) -> Vocabulary:
    ids, categories = stored["ids"], stored["categories"]
    if not len(ids) == len(categories) == config.items or not all(isinstance(item, str) for item in ids):
        found = f"vocabulary of {len(ids)} ids and {len(categories)} categories"
        raise ContentError(f"{found}, expected {config.items}", Refusal.SHAPE)
    sizes = config.item_buckets, config.category_buckets, config.page_buckets
    return Vocabulary.build(ids, categories, *sizes)


def _index(arrays: dict[str, NDArray[Any]], items: int) -> SessionIndex:
    index = SessionIndex(**{field.name: arrays[field.name] for field in fields(SessionIndex)})
    sessions = len(index.recency)
    _within(index.items, items, "items")
    _within(index.postings, sessions, "postings")
    _ranges(_shaped(index.starts, "starts", sessions + 1), len(index.items), "starts")
    _ranges(_shaped(index.bounds, "bounds", items + 1), len(index.postings), "bounds")
    _shaped(index.idf, "idf", items)
    return index


def _shaped(array: NDArray[Any], name: str, length: int) -> NDArray[Any]:
    if array.shape != (length,):
        raise ContentError(f"{name} has shape {array.shape}, expected ({length},)", Refusal.SHAPE)
    if not np.isfinite(array).all():
        raise ContentError(f"{name} is not finite", Refusal.NOT_FINITE)
    return array


def _four(values: list[float]) -> tuple[float, float, float, float]:
    looked, cart, checkout, bought = map(float, values)
    return looked, cart, checkout, bought


def _within(array: NDArray[Any], limit: int, name: str) -> None:
    if len(array) and not 0 <= array.min() <= array.max() < limit:
        raise ValueError(f"{name} holds {array.min()}..{array.max()}, expected 0..{limit - 1}")


def _ranges(array: NDArray[Any], total: int, name: str) -> None:
    if array[0] != 0 or array[-1] != total or (np.diff(array) < 0).any():
        raise ValueError(f"{name} does not ascend from 0 to {total}")
