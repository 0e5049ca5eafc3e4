"""From examples to weights: both heads together, early stopping on the sessions that came last."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features import NAMES
from models.network import Config, Network
from models.scorer import pick_device
from models.vocabulary import Vocabulary
from trainer.calibrate import platt
from trainer.data import Data, batches
from trainer.losses import losses, validate


@dataclass(frozen=True, slots=True)
class Options:
    """How to train. `seconds` bounds the epochs' time; a budget that ends early makes a run irreproducible.

    `candidates` are the items drawn per batch for the next-item loss; 0 takes all of them.
    """

    seed: int = 0
    epochs: int = 15
    seconds: float = 150.0
    patience: int = 3
    clicks_per_batch: int = 2048
    longest: int = 50
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    intent_rate: float = 1e-3
    intent_weight: float = 0.3
    dropout: float = 0.25
    candidates: int = 2048
    device: str = "cpu"


class Progress(NamedTuple):
    """After a batch: where the run is, and how good the last whole epoch was on validation."""

    epoch: int
    batch: int
    batches: int
    loss: float
    auc: float
    next_loss: float


Report = Callable[[Progress], None]


def initial(vocabulary: Vocabulary, weights: NDArray[np.int64], data: Data, options: Options) -> Network:
    """An untrained network that knows the items' categories, popularity, and the features' scale."""
    torch.manual_seed(options.seed)
    sizes = vocabulary.sizes
    config = Config(
        sizes.items, len(NAMES), sizes.item_buckets, sizes.category_buckets, dropout=options.dropout
    )
    network = Network(config)
    rows = sizes.offsets[1] + vocabulary.category_rows(vocabulary.categories)
    network.item_categories.copy_(torch.from_numpy(rows))
    network.mean.copy_(data.features.mean(0))
    network.scale.copy_(1 / data.features.std(0).clamp_min(0.05))
    network.share.copy_(torch.from_numpy(weights / weights.sum()))
    network.item_bias.data.copy_(torch.log(network.share.clamp_min(1e-7)))
    return network.to(pick_device(options.device))


def fit(network: Network, train: Data, valid: Data, options: Options, report: Report) -> Network:
    """Train until validation stops improving; leaves the best epoch's weights, calibrated on validation."""
    optimiser = _optimiser(network, options)
    shuffle, deadline = np.random.default_rng(options.seed), time.monotonic() + options.seconds
    best, kept, waited = np.inf, _copy(network), 0
    next_loss, area = np.nan, 0.5
    for epoch in range(options.epochs):
        for progress in _epoch(network, train, optimiser, options, shuffle, deadline):
            report(progress._replace(epoch=epoch, auc=area, next_loss=next_loss))
        next_loss, area, _ = validate(network, valid, options.clicks_per_batch)
        # An AUC point is worth about as much as three hundredths of cross entropy.
        score = next_loss - 3 * area
        waited = 0 if score < best else waited + 1
        if score < best:
            best, kept = score, _copy(network)
        if waited >= options.patience or time.monotonic() > deadline:
            break
        _slow(optimiser, waited)
    network.load_state_dict(kept)
    _calibrate(network, valid, options)
    return network.eval()


def _optimiser(network: Network, options: Options) -> torch.optim.Optimizer:
    """The purchase head learns slower than the rest: it has few positives and would overfit first."""
    head = {id(parameter) for parameter in network.intent.parameters()}
    groups = [
        {"params": [p for p in network.parameters() if id(p) not in head], "lr": options.learning_rate},
        {"params": list(network.intent.parameters()), "lr": options.intent_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=options.weight_decay)


def _epoch(
    network: Network,
    data: Data,
    optimiser: torch.optim.Optimizer,
    options: Options,
    shuffle: np.random.Generator,
    deadline: float,
) -> Iterator[Progress]:
    chunks = batches(data, options.clicks_per_batch, shuffle)
    network.train()
    for number, chosen in enumerate(chunks, start=1):
        parts = losses(network, data, chosen, options.candidates)
        loss = parts.next_item + options.intent_weight * parts.purchase
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        yield Progress(0, number, len(chunks), loss.item(), 0.5, np.nan)
        if time.monotonic() > deadline:
            return


def _slow(optimiser: torch.optim.Optimizer, waited: int) -> None:
    """Half the learning rate after an epoch without improvement."""
    for group in optimiser.param_groups:
        group["lr"] *= 0.5 if waited else 1.0


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _calibrate(network: Network, valid: Data, options: Options) -> None:
    _, _, logits = validate(network, valid, options.clicks_per_batch)
    judged = valid.judged.numpy()
    scale, shift = platt(logits[judged], valid.buys.numpy()[judged])
    network.calibration.copy_(torch.tensor([scale, shift]))
