"""Training on a device beside one core of the CPU: next-item events a second, by encoder."""

import time
from dataclasses import dataclass, replace

import torch

from tests.bench.gpu_clicks import sessions
from trainer.experiments import network_protocol
from trainer.fitting.fit import fit

ENCODERS = ("gru", "transformer")


@dataclass(frozen=True)
class Learned:
    """Events a second of one epoch. `batch` is its clicks a step."""

    encoder: str
    device: str
    batch: int
    rate: float


def learned(encoder: str, device: str, count: int, items: int, batch: int) -> Learned:
    """One epoch over `count` made-up sessions, after a short one for set-up."""
    ids = tuple(f"i{number}" for number in range(items))
    options = replace(
        network_protocol.OPTIONS, epochs=1, device=device, encoder=encoder, clicks_per_batch=batch
    )
    for size in (max(50, count // 20), count):
        network, _, data = network_protocol.untrained(sessions(size, items), ids, options)
        began = time.perf_counter()
        fit(network, data, None, options, lambda progress: None)
        if device == "cuda":
            torch.cuda.synchronize()
        spent = time.perf_counter() - began
    return Learned(encoder, device, batch, int((data.target >= 0).sum()) / spent)
