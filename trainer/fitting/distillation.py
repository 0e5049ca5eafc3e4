"""Distillation: several networks teach the one that serves.

Teachers differ by seed (Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network"). The
student learns the order of items from the teachers' best items (Tang, Wang 2018, "Ranking distillation").
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network.network import Network
from trainer.loop.data import Data, Soft, batches, padded
from trainer.loop.options import Options

#: Items of the teachers' joint list whose order the student learns.
LISTED = 20
#: Weight of the teachers' probability in a purchase label; the rest is the observed label.
TOLD = 0.5


#: Trains network number `number` on data; `own` gives its options.
Member = Callable[[Data, int], Network]


def own(options: Options, number: int) -> Options:
    """The options of network `number`: 0 is the network that is kept, the others are its teachers.

    Teachers with a width of their own cannot start from a version, so nothing of them can be frozen.
    """
    changed = replace(options, seed=options.seed + number)
    width = options.teacher_width
    return replace(changed, embedding=width, hidden=width, freeze=()) if number and width else changed


def distilled(member: Member, data: Data, options: Options) -> Network:
    """One network taught by `options.ensemble` teachers; without teachers it is trained on the log alone."""
    if options.networks == 1:
        return member(data, 0)
    members = [member(data, number) for number in range(1, options.networks)]
    return member(taught(members, data, options.clicks_per_batch), 0)


@torch.no_grad()
def taught(members: Sequence[Network], data: Data, clicks: int) -> Data:
    """Data with labels softened by the teachers, and the LISTED best items by their mean probability."""
    count = min(LISTED, members[0].config.items)
    chances = torch.zeros(len(data.rows))
    items = torch.zeros(len(data.rows), count, dtype=torch.int64)
    shares = torch.zeros(len(data.rows), count)
    for member in members:
        member.eval()
    for chosen in batches(data, clicks, None):
        where, purchase, listed = _told(members, data, chosen, count)
        chances[where] = purchase
        items[where], shares[where] = listed.indices.cpu(), listed.values.cpu()
    soft = Soft(items, shares / shares.sum(1, keepdim=True).clamp_min(1e-9))
    return data._replace(buys=(1 - TOLD) * data.buys + TOLD * chances, soft=soft)


def _told(
    members: Sequence[Network], data: Data, chosen: NDArray[np.int64], count: int
) -> tuple[Tensor, Tensor, torch.return_types.topk]:
    """Click indices of some segments, and the teachers' mean purchase probability and most probable items for
    each.
    """
    where, inside = padded(data.bounds, chosen)
    device = members[0].mean.device
    rows, clicks = data.rows[where].to(device), where[inside]
    features = data.features[clicks].to(device)
    purchase, items = torch.zeros(len(clicks)), torch.zeros((), device=device)
    for member in members:
        hidden = member.encode(rows)[inside.to(device)]
        purchase += torch.sigmoid(member.purchase(hidden, features)).cpu() / len(members)
        items = items + torch.softmax(member.next_item(hidden), -1) / len(members)
    return clicks, purchase, items.topk(count)
