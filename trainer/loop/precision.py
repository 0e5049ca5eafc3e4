"""In which precision the passes of a training run: bf16 where the processor computes in it, else fp32."""

import torch

from models.retrieval.cpu_features import computes_bf16


def halves(precision: str, device: torch.device) -> bool:
    """Whether passes run in bf16: as `precision` says, or, for `auto`, as the device does it best."""
    return precision == "bf16" or (precision == "auto" and computes_bf16(device))
