"""The next-item loss, over all items or over a sample of them."""

import torch
from torch import Tensor

from models.network.network import Network
from trainer.fitting.blockwise_cross_entropy import cross_entropy


def next_item_loss(
    network: Network,
    hidden: Tensor,
    target: Tensor,
    candidates: int,
    power: float = 1.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Mean cross entropy of the items `target` [N] after states `hidden` [N, H]; 0 without targets.

    The softmax is over all items, or over the batch's targets and `candidates` further items. These are drawn
    once for each batch by popularity to the `power`, with logQ correction (Bengio and Senecal 2008; Yi et al.
    2019, "Sampling-bias-corrected neural modeling"). `smoothing` is the label smoothing (Szegedy et al. 2016,
    "Rethinking the Inception architecture").
    """
    if not len(target):
        return hidden.sum() * 0
    if not 0 < candidates < network.config.items // 2:
        chosen, target = _competing(network, target)
        return cross_entropy(*network.competing(hidden, chosen), target, smoothing)
    share = network.share
    drawn_by = share if power == 1.0 else share**power / (share**power).sum()
    drawn = torch.multinomial(drawn_by, candidates, replacement=True)
    chosen, inverse = torch.unique(torch.cat([target, drawn]), return_inverse=True)
    # Log probability that an item is not in the sample; targets occur about as often as their popularity.
    missed = candidates * torch.log1p(-drawn_by[chosen]) + len(target) * torch.log1p(-share[chosen])
    query, items, bias = network.competing(hidden, chosen)
    unbiased = bias - torch.log(-torch.expm1(missed))
    return cross_entropy(query, items, unbiased, inverse[: len(target)], smoothing)


def _competing(network: Network, target: Tensor) -> tuple[Tensor | None, Tensor]:
    """The items that compete with `target` [N] (None: all), and the targets' indices among them.

    Items that nobody has clicked do not compete: the loss would only teach the network never to recommend
    them.
    """
    if network.content is None or not network.training:
        return None, target
    chosen = torch.nonzero(network.share > 0).squeeze(1)
    return chosen, torch.searchsorted(chosen, target)
