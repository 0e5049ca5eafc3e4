"""Files with content vectors of items: written by `pathcast items embed` or supplied by the shop.

A file holds ids and vectors and nothing that could be executed: safetensors with the ids as JSON in its
header.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from models.errors import PathcastError

_FORMS: Final = (
    "safetensors (a tensor an item, or as `items embed` writes them), .npz (arrays `item_id` and `vectors`) "
    "or .parquet (columns `item_id` and `vector`)"
)
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, SafetensorError, pl.exceptions.PolarsError)


class VectorsError(PathcastError):
    """A file of vectors cannot be read or written, or lacks what is needed."""


@dataclass(frozen=True)
class Vectors:
    """Item `ids` and their vectors float32 `[N, D]`, all finite."""

    ids: tuple[str, ...]
    values: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return int(self.values.shape[1])

    def of(self, ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The vectors `[V, D]` of `ids`, zeros for items without one, and a mask `[V]` (1 or 0) of the items
        that have one.
        """
        place = {item: number for number, item in enumerate(self.ids)}
        places = np.array([place.get(item, -1) for item in ids], dtype=np.int64)
        rows = np.where(places[:, None] >= 0, self.values[places], np.float32(0))
        return torch.from_numpy(rows), torch.from_numpy((places >= 0).astype(np.float32))


def write(path: Path, vectors: Vectors) -> None:
    """Write a file that `read` reads. Raises VectorsError."""
    try:
        save_file({"vectors": vectors.values}, path, {"ids": json.dumps(vectors.ids)})
    except (OSError, SafetensorError) as error:
        raise VectorsError(f"cannot write {path}: {error}; give --out a writable file") from error


def read(path: Path) -> Vectors:
    """Read the vectors of a file in any supported format. Raises VectorsError."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise VectorsError(f"{path.name} is no known kind of vectors: expected {_FORMS}")
    try:
        ids, values = reader(path)
        vectors = np.ascontiguousarray(values, dtype=np.float32)
    except _UNUSABLE as error:
        raise VectorsError(f"{path} cannot be read ({error}); expected {_FORMS}") from error
    return _checked(path, tuple(map(str, ids)), vectors)


def _checked(path: Path, ids: tuple[str, ...], values: NDArray[np.float32]) -> Vectors:
    if values.ndim != 2 or len(values) != len(ids) or not values.size:
        raise VectorsError(
            f"{path} has {len(ids)} ids and vectors of shape {values.shape}; expected a row an id"
        )
    if len(set(ids)) != len(ids):
        raise VectorsError(f"{path} names {len(ids) - len(set(ids))} items more than once; leave one of each")
    if not np.isfinite(values).all():
        raise VectorsError(f"{path} has vectors that are not finite; leave those items out")
    return Vectors(ids, values)


def _safetensors(path: Path) -> tuple[Sequence[Any], Any]:
    with safe_open(path, "numpy") as file:
        metadata: dict[str, str] = file.metadata() or {}
        if "ids" in metadata:
            return json.loads(metadata["ids"]), file.get_tensor("vectors")
        names = list(file.keys())
        return names, np.stack([file.get_tensor(name) for name in names])


def _npz(path: Path) -> tuple[Sequence[Any], Any]:
    with np.load(path, allow_pickle=False) as file:
        return file["item_id"].tolist(), file["vectors"]


def _parquet(path: Path) -> tuple[Sequence[Any], Any]:
    frame = pl.read_parquet(path, columns=["item_id", "vector"])
    return frame["item_id"].cast(pl.String).to_list(), np.array(frame["vector"].to_list(), dtype=np.float32)


_READERS: Final[dict[str, Callable[[Path], tuple[Sequence[Any], Any]]]] = {
    ".safetensors": _safetensors,
    ".npz": _npz,
    ".parquet": _parquet,
}
