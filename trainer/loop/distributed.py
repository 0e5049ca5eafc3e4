"""Training by several processes (`torchrun`; Li et al. 2020, "PyTorch Distributed").

Each process takes a part of every batch, gradients are averaged, and the first process decides what depends
on a clock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@contextmanager
def processes() -> Iterator[int]:
    """Join the processes that `torchrun` started, or train alone; yields this one's number, from 0."""
    if "WORLD_SIZE" not in os.environ:
        yield 0
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def number() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def first_says(value: float) -> float:
    """The value of the first process: clocks differ, but rates and the end must be the same everywhere."""
    if not distributed.is_initialized():
        return value
    said = torch.tensor([value], dtype=torch.float64, device=_device())
    distributed.broadcast(said, 0)
    return float(said.item())


def share(counted: int | Tensor) -> float:
    """The factor for a mean over `counted` examples of this process.

    With it, averaged gradients are those of the mean over the examples of all processes. It is 1 for a single
    process, and without gradients: validation is done whole by one process, and others may not take part.
    """
    if not distributed.is_initialized() or not torch.is_grad_enabled():
        return 1.0
    total = torch.tensor([float(counted)], device=_device())
    distributed.all_reduce(total)
    return float(counted) * count() / max(1.0, float(total.item()))


def averaged(objective: nn.Module) -> nn.Module:
    """The objective with gradients averaged over the processes."""
    if not distributed.is_initialized():
        return objective
    return DistributedDataParallel(objective, find_unused_parameters=True, broadcast_buffers=False)


def _device() -> torch.device:
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
