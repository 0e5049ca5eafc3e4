"""From examples to weights: both heads together, early stopping on the sessions that came last."""

import math
import time
from collections.abc import Callable, Iterator
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
from trainer.options import Options
from trainer.precision import halves


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
    network = Network(_config(vocabulary, options))
    sizes = vocabulary.sizes
    rows = sizes.offsets[1] + vocabulary.category_rows(vocabulary.categories)
    network.item_categories.copy_(torch.from_numpy(rows))
    network.mean.copy_(data.features.mean(0))
    # Rare columns are not blown up: a country of few visitors tells one from another, not who buys.
    network.scale.copy_(1 / data.features.std(0).clamp_min(1.0))
    network.scale[[name.startswith(options.ignored) for name in NAMES]] = 0
    network.share.copy_(torch.from_numpy(weights / weights.sum()))
    if options.cosine:
        # A bias would bring back the popularity that the normalisation takes out.
        network.item_bias.requires_grad_(False)
    else:
        network.item_bias.data.copy_(torch.log(network.share.clamp_min(1e-7)))
    return network.to(pick_device(options.device))


def _config(vocabulary: Vocabulary, options: Options) -> Config:
    sizes = vocabulary.sizes
    return Config(
        sizes.items,
        len(NAMES),
        sizes.item_buckets,
        sizes.category_buckets,
        sizes.page_buckets,
        embedding=options.embedding,
        hidden=options.hidden,
        dropout=options.dropout,
        cosine=options.cosine,
        encoder=options.encoder,
        layers=options.layers,
        attention_heads=options.attention_heads,
        window=options.window,
    )


class Schedule:
    """Learning rates over a run: a linear warm-up, then half a cosine to zero (Loshchilov, Hutter 2017).

    The run's end is that of the epochs or of the time, whichever comes first, so a budget is always used to
    the end of the curve.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, options: Options) -> None:
        self._optimiser, self._options = optimiser, options
        self._began = time.monotonic()

    def spent(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() - self._began > self._options.seconds

    def set(self, epochs: float) -> None:
        """Set the rate after so many epochs."""
        options = self._options
        timed = (time.monotonic() - self._began) / options.seconds if options.seconds else 1
        at = min(1.0, max(epochs / options.epochs, timed))
        warm = min(1.0, at / options.warm_up) if options.warm_up else 1.0
        rate = options.learning_rate * warm * (1 + math.cos(math.pi * at)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = rate


def fit(network: Network, train: Data, valid: Data | None, options: Options, report: Report) -> Network:
    """Train until validation stops improving; leaves the best epoch's weights, calibrated on validation.

    Without validation all epochs are made and the last one's weights are left.
    """
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, weight_decay=options.weight_decay)
    shuffle, schedule = np.random.default_rng(options.seed), Schedule(optimiser, options)
    best, kept, waited = np.inf, _copy(network), 0
    next_loss, area = np.nan, 0.5
    for epoch in range(options.epochs):
        for progress in _epoch(network, train, optimiser, options, shuffle, schedule, epoch):
            report(progress._replace(epoch=epoch, auc=area, next_loss=next_loss))
        if valid is None:
            continue
        next_loss, area, _ = validate(network, valid, options.clicks_per_batch)
        # An AUC point is worth about as much as three hundredths of cross entropy.
        score = next_loss - 3 * area
        waited = 0 if score < best else waited + 1
        if score < best:
            best, kept = score, _copy(network)
        if waited >= options.patience or schedule.spent():
            break
    if valid is not None:
        network.load_state_dict(kept)
        _calibrate(network, valid, options)
    return network.eval()


def _epoch(
    network: Network,
    data: Data,
    optimiser: torch.optim.Optimizer,
    options: Options,
    shuffle: np.random.Generator,
    schedule: Schedule,
    epoch: int,
) -> Iterator[Progress]:
    chunks = batches(data, options.clicks_per_batch, shuffle)
    network.train()
    half = halves(options.precision, network.mean.device)
    for number, chosen in enumerate(chunks, start=1):
        schedule.set(epoch + number / len(chunks))
        with torch.autocast(network.mean.device.type, torch.bfloat16, enabled=half):
            parts = losses(network, data, chosen, options.candidates, options.power)
            loss = parts.next_item + options.intent_weight * parts.purchase
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        yield Progress(0, number, len(chunks), loss.item(), 0.5, np.nan)
        if schedule.spent():
            return


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _calibrate(network: Network, valid: Data, options: Options) -> None:
    _, _, logits = validate(network, valid, options.clicks_per_batch)
    judged = valid.judged.numpy()
    scale, shift = platt(logits[judged], valid.buys.numpy()[judged])
    network.calibration.copy_(torch.tensor([scale, shift]))
