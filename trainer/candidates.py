"""The next-item loss, over all items or over a sample of them."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.network import Network


def next_item_loss(network: Network, hidden: Tensor, target: Tensor, candidates: int) -> Tensor:
    """Mean cross entropy of the items `target` [N] after states `hidden` [N, H]; 0 for none.

    Over all items, or over the batch's targets and `candidates` more, drawn by popularity and shared by the
    batch, with logQ correction (Bengio and Senecal 2008; Yi et al. 2019, "Sampling-bias-corrected neural
    modeling").
    """
    if not len(target):
        return hidden.sum() * 0
    if not 0 < candidates < network.config.items // 2:
        return F.cross_entropy(network.next_item(hidden), target)
    drawn = torch.multinomial(network.share, candidates, replacement=True)
    chosen, inverse = torch.unique(torch.cat([target, drawn]), return_inverse=True)
    # How likely an item is among them at all; targets come about as often as their popularity says.
    met = -torch.expm1((candidates + len(target)) * torch.log1p(-network.share[chosen]))
    logits = network.next_item(hidden, chosen) - torch.log(met)
    return F.cross_entropy(logits, inverse[: len(target)])
