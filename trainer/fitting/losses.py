"""Losses of a batch that training minimises, and figures of validation data that stop it."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models import quality_metrics
from models.network.network import Network
from trainer.fitting.head_losses import task_losses
from trainer.fitting.sampled_softmax import next_item_loss
from trainer.loop import distributed
from trainer.loop.data import Data, Soft, batches, padded
from trainer.loop.options import Options


class Losses(NamedTuple):
    """Mean next-item loss and purchase loss of a batch, its purchase logits, and the indices of their clicks.

    `tasks` are the further heads' losses [heads] and `raw` their outputs; None without such heads.
    """

    next_item: Tensor
    purchase: Tensor
    logits: Tensor
    where: Tensor
    tasks: Tensor | None = None
    raw: Tensor | None = None


def total(network: Network, parts: Losses, options: Options) -> Tensor:
    """The training loss: the weighted sum of all losses.

    If `loss_weights` is `learned`, each loss is also weighted by a learned noise: exp(-s) loss + s / 2 with
    one s for each loss (Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses
    for scene geometry and semantics").
    """
    own = torch.stack([parts.next_item, options.intent_weight * parts.purchase])
    if parts.tasks is None or network.tasks is None:
        return own.sum()
    every = torch.cat([own, options.heads_weight / len(parts.tasks) * parts.tasks])
    noise = network.tasks.noise
    if not noise.requires_grad:
        return every.sum()
    # A head without outputs has no loss to balance its noise, which would decrease without end.
    learns = [True, True, *(part.raw.stop > part.raw.start for part in network.tasks.layout.parts)]
    return (torch.exp(-noise) * every + noise / 2)[learns].sum()


def losses(
    network: Network,
    data: Data,
    chosen: NDArray[np.int64],
    candidates: int = 0,
    power: float = 1.0,
    gradient: float = 1.0,
    smoothing: float = 0.0,
) -> Losses:
    """Losses of the segments `chosen`; `gradient` is the share of the further heads' gradient that reaches
    the encoder.
    """
    where, inside = padded(data.bounds, chosen)
    device = network.mean.device
    hidden = network.encode(data.rows[where].to(device))[inside.to(device)]
    clicks = where[inside]
    target = data.target[clicks].to(device)
    wanted = torch.nonzero(target >= 0).squeeze(1)
    next_item = next_item_loss(network, hidden[wanted], target[wanted], candidates, power, smoothing)
    if data.soft is not None and len(wanted):
        next_item = next_item + listwise(network, hidden[wanted], data.soft, clicks[wanted.cpu()])
    purchase, logits = _purchase(network, data, hidden, clicks)
    next_item = next_item * distributed.share(len(wanted))
    parts = Losses(next_item, purchase, logits, clicks)
    if network.tasks is None or data.tasks is None:
        return parts
    passed = hidden * gradient + hidden.detach() * (1 - gradient)
    features, labels = data.features[clicks].to(device), data.tasks.at(clicks, device)
    if network.ratings is not None:
        means = network.ratings(data.rows[clicks].to(device), features)
        labels = labels._replace(rating=labels.rating - means[:, None])
    raw = network.tasks(network.head_inputs(passed, features))
    weights = _weights(data, clicks, device)
    return parts._replace(tasks=task_losses(network.tasks, raw, labels, weights), raw=raw)


def _weights(data: Data, clicks: Tensor, device: torch.device) -> Tensor | None:
    return None if data.weight is None else data.weight[clicks].to(device)


def _purchase(network: Network, data: Data, hidden: Tensor, clicks: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss and logits of the clicks; zeros for data without judged clicks.

    Purchases are not judged but are trained on: otherwise they would be answered like the checkouts before
    them.
    """
    if not data.judged.any():
        return hidden.new_zeros(()), hidden.new_zeros(len(clicks))
    logits = network.purchase(hidden, data.features[clicks].to(hidden.device))
    labels, weights = data.buys[clicks].to(hidden.device), _weights(data, clicks, hidden.device)
    loss = F.binary_cross_entropy_with_logits(logits.float(), labels, weights)
    return loss.nan_to_num() * distributed.share(len(clicks)), logits


def listwise(network: Network, hidden: Tensor, soft: Soft, clicks: Tensor) -> Tensor:
    """Cross entropy between the teachers' shares of their best items and the network's shares of the same
    items.
    """
    items, shares = (part[clicks].to(hidden.device) for part in soft)
    vectors = F.embedding(items, network.item_embeddings())
    logits = torch.einsum("ne,nme->nm", network.queries(network.dropout(hidden)), vectors)
    logits = logits + F.embedding(items, network.item_bias[:, None]).squeeze(-1)
    return F.cross_entropy(logits.float(), shares)


class Validated(NamedTuple):
    """Next-item loss and intent AUC; purchase logits [N] and the further heads' raw outputs of all clicks."""

    next_loss: float
    area: float
    logits: NDArray[np.float32]
    raw: Tensor | None


@torch.no_grad()
def validate(network: Network, data: Data, clicks: int) -> Validated:
    """Figures of the network on validation data."""
    network.eval()
    logits, means, weights = np.zeros(len(data.rows), dtype=np.float32), [], []
    tasks = network.tasks if data.tasks is not None else None
    raw = None if tasks is None else torch.zeros(len(data.rows), tasks.layout.raw)
    for chosen in batches(data, clicks, None):
        batch_losses = losses(network, data, chosen)
        logits[batch_losses.where.numpy()] = batch_losses.logits.cpu().numpy()
        if raw is not None and batch_losses.raw is not None:
            raw[batch_losses.where] = batch_losses.raw.float().cpu()
        means.append(batch_losses.next_item.item())
        weights.append(max(1, int((data.target[batch_losses.where] >= 0).sum())))
    network.train()
    judged = data.judged.numpy()
    area = quality_metrics.auc(logits[judged], data.buys.numpy()[judged] > 0)
    return Validated(float(np.average(means, weights=weights)), area, logits, raw)
