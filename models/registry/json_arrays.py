"""Splits nested dictionaries into JSON values and named arrays, and joins them again.

A version stores its baselines so: text and numbers in a JSON file, arrays as safetensors, nothing pickled.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def split_arrays(value: Mapping[str, Any], path: str = "") -> tuple[dict[str, Any], Arrays]:
    """The value without its arrays, and the arrays by the path of their keys, joined by slashes."""
    plain: dict[str, Any] = {}
    arrays: Arrays = {}
    for key, inner in value.items():
        if isinstance(inner, np.ndarray):
            arrays[path + key] = np.ascontiguousarray(inner)
        elif isinstance(inner, Mapping):
            plain[key], found = split_arrays(inner, f"{path}{key}/")
            arrays |= found
        else:
            plain[key] = inner
    return plain, arrays


def join_arrays(plain: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The value that was split. Raises ValueError for a path through something that is no object."""
    for path, array in arrays.items():
        *folders, name = path.split("/")
        place = plain
        for folder in folders:
            place = place.get(folder) if isinstance(place, dict) else None  # type: ignore[assignment]
        if not isinstance(place, dict):
            raise ValueError(f"array {path!r} has no place; expected an object at {'/'.join(folders)!r}")
        place[name] = array
    return plain
