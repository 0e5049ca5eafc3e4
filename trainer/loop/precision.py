"""The precision of training passes: bf16 or fp32."""

import torch

from models.retrieval.cpu_features import computes_bf16


def halves(precision: str, device: torch.device) -> bool:
    """Whether passes run in bf16: for `auto`, if the device computes in it."""
    return precision == "bf16" or (precision == "auto" and computes_bf16(device))
