"""What training minimises and what stops it: the losses of a batch, and the figures of validation data."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models import metrics
from models.network import Network
from trainer.candidates import next_item_loss
from trainer.data import Data, batches


class Losses(NamedTuple):
    """Mean next-item and purchase loss of a batch; its purchase logits, and which clicks they are of."""

    next_item: Tensor
    purchase: Tensor
    logits: Tensor
    where: Tensor


def losses(
    network: Network, data: Data, chosen: NDArray[np.int64], candidates: int = 0, power: float = 1.0
) -> Losses:
    starts, lengths = data.bounds[chosen], np.diff(data.bounds)[chosen]
    steps = torch.arange(int(lengths.max()))
    inside = steps < torch.from_numpy(lengths)[:, None]
    where = torch.where(inside, torch.from_numpy(starts)[:, None] + steps, 0)
    device = network.mean.device
    hidden = network.encode(data.rows[where].to(device))[inside.to(device)]
    clicks = where[inside]
    target = data.target[clicks].to(device)
    wanted = torch.nonzero(target >= 0).squeeze(1)
    next_item = next_item_loss(network, hidden[wanted], target[wanted], candidates, power)
    logits = network.purchase(hidden, data.features[clicks].to(device))
    judged = data.judged[clicks].to(device)
    purchase = F.binary_cross_entropy_with_logits(
        logits[judged].float(), data.buys[clicks].to(device)[judged]
    )
    return Losses(next_item, purchase.nan_to_num(), logits, clicks)


@torch.no_grad()
def validate(network: Network, data: Data, clicks: int) -> tuple[float, float, NDArray[np.float32]]:
    """Next-item loss, intent AUC, and the purchase logits [N] of validation data."""
    network.eval()
    logits, means, weights = np.zeros(len(data.rows), dtype=np.float32), [], []
    for chosen in batches(data, clicks, None):
        found = losses(network, data, chosen)
        logits[found.where.numpy()] = found.logits.cpu().numpy()
        means.append(found.next_item.item())
        weights.append(max(1, int((data.target[found.where] >= 0).sum())))
    network.train()
    judged = data.judged.numpy()
    area = metrics.auc(logits[judged], data.buys.numpy()[judged] > 0)
    return float(np.average(means, weights=weights)), area, logits
