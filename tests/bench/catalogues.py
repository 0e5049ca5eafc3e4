"""Catalogues of any size: the measured model with its most popular items only, or with copies of its items.

A copy is an item of its own near its original: it has the original's vector with noise, its category, and the
sessions that clicked on that copy. All else of the model stays, so that only the number of items changes.
"""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.durations import DAY_MS
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.registry import registry
from models.registry.registry import Parts
from models.registry.versions import Version
from models.scoring import session_index
from tests.bench.clicks import Log
from tests.bench.model import Model
from trainer.fitting.warm_start import copy_weights
from trainer.training.adapt import parts_of

#: Length of the noise on a copy's vector, in lengths of the vector.
NOISE = 1.0


@dataclass(frozen=True)
class CopiedLog(Log):
    """A log in whose sessions copies of the items are clicked: in session s copy number s % `copies`."""

    copies: int = 1

    @cached_property
    def frame(self) -> pl.DataFrame:
        number = pl.col("session") % self.copies
        copy = pl.format("{}~{}", "item_id", number)
        original = Log(self.path, self.items).frame
        return original.with_columns(
            item_id=pl.when(number > 0).then(copy).otherwise("item_id"),
        )


def shop(log: Log, model: Model, items: int, folder: Path) -> tuple[Model, Log]:
    """A model of `items` items in a registry under `folder`, and the log of clicks on them."""
    known = model.version.vocabulary
    copies = -(-items // len(known.ids))
    copied = CopiedLog(log.path, min(items, len(known.ids)), copies)
    words = _words(known, items)
    registered = folder / "registry"
    name = registry.save(registered, _parts(model.version, words, copied.frame), int(time.time() * 1000))
    catalogue = copied.frame.filter(pl.col("item_id").is_not_null()).unique("item_id", keep="last")
    catalogue.drop("session", "since").write_parquet(folder / "items.parquet")
    version = registry.load(registered / name, "cpu")
    return Model(version, registered, folder / "items.parquet"), copied


def _words(known: Vocabulary, items: int) -> Vocabulary:
    """The known items, the most popular first, then their copies, as far as `items` allow."""
    copies = range(-(-items // len(known.ids)))
    ids = [f"{item}~{copy}" if copy else item for copy in copies for item in known.ids]
    return Vocabulary.build(ids[:items], np.resize(known.categories, items).tolist())


def _parts(version: Version, words: Vocabulary, frame: pl.DataFrame) -> Parts:
    parts = parts_of(version)
    places = {item: place for place, item in enumerate(words.ids)}
    clicks = frame.sort("ts", maintain_order=True).select("session", "ts", "item_id")
    found = [places.get(item, -1) for item in clicks["item_id"].to_list()]
    chosen, items = clicks.filter(pl.Series(found) >= 0), np.array([item for item in found if item >= 0])
    sessions, days = chosen["session"].to_numpy(), chosen["ts"].to_numpy() / DAY_MS
    weights = np.bincount(items, minlength=len(words.ids)).astype(np.int64)
    return replace(
        parts,
        network=_network(version, words, weights),
        vocabulary=words,
        index=session_index.build(sessions, items, days, len(words.ids), parts.settings),
        popularity=weights,
        baselines={},
    )


@torch.no_grad()
def _network(version: Version, words: Vocabulary, weights: NDArray[np.int64]) -> Network:
    source = version.network
    network = Network(replace(source.config, items=len(words.ids)))
    buffers, stored = dict(network.named_buffers()), source.state_dict()
    for name, value in buffers.items():
        if name in stored and stored[name].shape == value.shape:
            value.copy_(stored[name])
    copy_weights(network, words, version)
    categories = words.sizes.offsets[1] + words.category_rows(words.categories)
    network.item_categories.copy_(torch.from_numpy(categories))
    network.share.copy_(torch.from_numpy(weights / max(1, weights.sum())))
    _copy_vectors(network.table.weight, source.config.items, len(words.ids))
    return network.eval()


def _copy_vectors(table: torch.Tensor, originals: int, items: int) -> None:
    """Give the items beyond the originals their vectors, in place: row 0 is "no item"."""
    chance = torch.Generator().manual_seed(items)
    for start in range(originals, items, originals):
        count = min(originals, items - start)
        vectors = table[1 : 1 + count]
        length = vectors.norm(dim=1, keepdim=True) * NOISE / table.shape[1] ** 0.5
        noise = torch.randn(vectors.shape, generator=chance)
        table[1 + start : 1 + start + count] = vectors + length * noise
