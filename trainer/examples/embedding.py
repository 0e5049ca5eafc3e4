"""Content vectors of items from their words and from vectors that the shop supplies.

Words need no language model: hashed character n-grams and word n-grams, weighted by TF-IDF and reduced by
truncated SVD (latent semantic analysis, Deerwester et al. 1990). Nothing is downloaded.
"""

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from models.contract.catalogue import Catalogue, Item
from trainer.defaults import CONTENT_WIDTH as WIDTH
from trainer.examples.vectors import Vectors, VectorsError

Rows = NDArray[np.float32]
#: Character n-grams within words, and word n-grams.
_GRAMS: Final[tuple[dict[str, Any], ...]] = (
    {"analyzer": "char_wb", "ngram_range": (3, 5)},
    {"analyzer": "word", "ngram_range": (1, 2)},
)


def embed(
    catalogue: Catalogue, further: Sequence[Vectors] = (), model: Path | None = None, width: int = WIDTH
) -> Vectors:
    """Vectors of all items that have a title, a category, a brand or a vector in `further`.

    The kinds of vectors are concatenated, each scaled to unit length; zeros where an item lacks a kind.
    `model` is the folder of a sentence-transformers model that replaces the hashed words. Raises
    VectorsError.
    """
    texts = {item: text for item in catalogue if (text := _text(catalogue[item]))}
    ids = sorted({*texts, *(item for vectors in further for item in vectors.ids)})
    if not ids:
        raise VectorsError("no item has a title, a category, a brand or a vector; give a fuller --items")
    words = list(texts.values())
    kinds = (
        [_spread(texts, ids, _sentences(words, model) if model else _words(words, width))] if texts else []
    )
    kinds += [_spread(vectors.ids, ids, _reduced(vectors.values, width)) for vectors in further]
    return Vectors(tuple(ids), np.concatenate(kinds, axis=1))


def _text(item: Item) -> str:
    return " ".join(part for part in (item.title, item.brand, item.category) if part)


def _spread(known: Iterable[str], ids: Sequence[str], rows: Rows) -> Rows:
    """Rows of the `known` items, scaled to unit length, at the positions of `ids`; zeros elsewhere."""
    place = {item: number for number, item in enumerate(ids)}
    spread = np.zeros((len(ids), rows.shape[1]), dtype=np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    spread[[place[item] for item in known]] = rows / np.maximum(length, 1e-9)
    return spread


def _words(texts: list[str], width: int) -> Rows:
    weighed = []
    for grams in _GRAMS:
        hashed = HashingVectorizer(n_features=1 << 18, norm=None, alternate_sign=False, **grams)
        weighed.append(TfidfTransformer(sublinear_tf=True).fit_transform(hashed.transform(texts)))
    return _reduced(sparse.hstack(weighed).tocsr(), width)


def _reduced(rows: Any, width: int) -> Rows:
    """Rows [N, D] reduced to their `width` strongest directions; unchanged if they are that narrow."""
    if rows.shape[1] <= width:
        return np.asarray(rows, dtype=np.float32)
    components = min(width, max(1, rows.shape[0] - 1))
    reduced = TruncatedSVD(components, random_state=0).fit_transform(rows)
    return np.asarray(reduced, dtype=np.float32)


def _sentences(texts: list[str], folder: Path) -> Rows:
    if importlib.util.find_spec("sentence_transformers") is None:
        raise VectorsError(
            "--model needs the package sentence-transformers, which is not installed; install it, or leave "
            "--model out for hashed words"
        )
    if not folder.is_dir():
        raise VectorsError(f"--model {folder} is no folder; name one with a sentence-transformers model")
    package = importlib.import_module("sentence_transformers")
    vectors = package.SentenceTransformer(str(folder), local_files_only=True).encode(texts)
    return np.asarray(vectors, dtype=np.float32)
