"""Warm start and transfer: a network that starts from a version's weights, and parts of it that are frozen.

Weights are copied by name, and by item for rows that belong to an item. Descriptions of a log (the items'
categories and popularity) stay those of the new log. The normalisation of features is copied, because the
weights behind it were trained with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import PathcastError
from models.features.vocabulary import Sizes, Vocabulary
from models.network.network import Network
from models.registry.versions import Version
from models.state.codes import item_hash

Places = NDArray[np.int64]
#: Fields of the input table that can be frozen, by index (`models.features.vocabulary.FIELDS`).
TABLE = {"items": (0,), "categories": (1,), "events": (2, 3, 4, 5), "pages": (6,)}
_NORMALISATION = ("mean", "scale")
#: Settings that determine the shape and meaning of weights; further heads may differ.
_FORM = (
    *("features", "item_buckets", "category_buckets", "page_buckets", "embedding", "hidden", "intent"),
    *("cosine", "encoder", "layers", "attention_heads", "window"),
)


class WarmStartError(PathcastError):
    """A version does not fit the network that is to be trained."""


@dataclass(frozen=True)
class Frozen:
    """Rows of the input table and whole parameters that training does not change."""

    rows: Tensor
    names: tuple[str, ...]

    def apply(self, network: Network) -> None:
        """Exclude the named parameters from training; `restoring` keeps the rows."""
        for name, parameter in network.named_parameters():
            if name.partition(".")[0] in self.names:
                parameter.requires_grad_(False)

    def restoring(self, network: Network, optimiser: torch.optim.Optimizer) -> None:
        """Keep the rows unchanged: their gradient is zeroed, and weight decay is undone after every step."""
        if not len(self.rows):
            return
        weight = network.table.weight
        rows = self.rows.to(weight.device)
        kept = weight.detach()[rows].clone()
        weight.register_hook(lambda gradient: _without(gradient, rows))  # type: ignore[no-untyped-call]

        def restore(*_: Any) -> None:
            with torch.no_grad():
                weight[rows] = kept

        optimiser.register_step_post_hook(restore)


def _without(gradient: Tensor, rows: Tensor) -> Tensor:
    """A table's gradient with zeros in those rows."""
    if not gradient.is_sparse:
        return gradient.index_fill(0, rows, 0)
    gradient = gradient.coalesce()
    places = gradient.indices()
    values = gradient.values().masked_fill(torch.isin(places[0], rows)[:, None], 0)
    return torch.sparse_coo_tensor(places, values, gradient.shape, is_coalesced=True, check_invariants=False)


#: Nothing is frozen.
NOTHING_FROZEN = Frozen(torch.empty(0, dtype=torch.int64), ())


def copy_weights(network: Network, words: Vocabulary, version: Version) -> int:
    """Copy a version's weights into `network`, made for the items of `words`; returns how many items the
    version knew.

    Raises WarmStartError if the two networks have different forms.
    """
    source = version.network
    _fit(network, source, version.id)
    old, new = _same_items(version.vocabulary, words)
    stored = source.state_dict()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name == "table.weight":
                _copy_table(value, stored[name], source.config.sizes, network.config.sizes, (old, new))
            elif name == "item_bias":
                value[new] = stored[name][old].to(value.device)
            elif name in stored and stored[name].shape == value.shape:
                value.copy_(stored[name])
        for name in _NORMALISATION:
            network.get_buffer(name).copy_(stored[name])
    return len(new)


def freeze_parts(network: Network, words: Vocabulary, version: Version, parts: Sequence[str]) -> Frozen:
    """The frozen rows and parameters that `parts` name: fields of the table (for items, only rows that the
    version knew) or parameters by prefix.

    Raises WarmStartError for an unknown part.
    """
    known = parts_of(network)
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise WarmStartError(f"there is no part {unknown[0]!r} to freeze; choose from {', '.join(known)}")
    sizes = network.config.sizes
    ends = (*sizes.offsets[1:], sizes.rows)
    rows = [torch.from_numpy(1 + _same_items(version.vocabulary, words)[1])] if "items" in parts else []
    fields = [place for part in parts if part in TABLE and part != "items" for place in TABLE[part]]
    rows += [torch.arange(sizes.offsets[place], ends[place]) for place in fields]
    names = tuple(part for part in parts if part not in TABLE)
    return Frozen(torch.cat([NOTHING_FROZEN.rows, *rows]), names)


def _same_items(one: Vocabulary, other: Vocabulary) -> tuple[Places, Places]:
    """Indices in both vocabularies of their common items, in the order of the second one."""
    hashes = np.array([item_hash(item) for item in other.ids], dtype=np.uint64)
    places = one.lookup(hashes)
    new = np.flatnonzero(places >= 0)
    return places[new], new


def _copy_table(value: Tensor, stored: Tensor, old: Sizes, new: Sizes, items: tuple[Places, Places]) -> None:
    """Copy rows of known items, the buckets of unknown items, and all other fields, which have the
    same rows.
    """
    value[0] = stored[0]
    value[1 + items[1]] = stored[1 + items[0]].to(value.device)
    value[1 + new.items :] = stored[1 + old.items :].to(value.device)


def _fit(network: Network, source: Network, name: str) -> None:
    """Raise WarmStartError if the networks differ in more than their items."""
    wanted, stored = network.config.as_dict(), source.config.as_dict()
    apart = [
        f"{key}={stored[key]!r} (asked for: {wanted[key]!r})" for key in _FORM if stored[key] != wanted[key]
    ]
    if apart:
        raise WarmStartError(
            f"version {name} was trained with {', '.join(apart)}: give --set the version's values, or train "
            "without --from"
        )


def parts_of(network: nn.Module) -> list[str]:
    """Names that `freeze_parts` takes."""
    return [*TABLE, *sorted({name.partition(".")[0] for name, _ in network.named_parameters()} - {"table"})]


def begin(
    network: Network, words: Vocabulary, version: Version | None, freeze: Sequence[str]
) -> tuple[int, Frozen]:
    """How many items a version contributed (0 without a version), and what is frozen. Raises
    WarmStartError.
    """
    if version is None:
        if freeze:
            raise WarmStartError(
                f"freeze is {', '.join(freeze)}, but nothing was learned before: name a version with --from"
            )
        return 0, NOTHING_FROZEN
    return copy_weights(network, words, version), freeze_parts(network, words, version, freeze)
