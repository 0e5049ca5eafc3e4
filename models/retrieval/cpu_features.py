"""Which operations the processor has in hardware."""

import torch

#: Names in torch of bf16 products in hardware; without them bf16 is emulated, about 30 times slower.
_PRODUCTS = ("avx512_bf16", "amx_bf16", "bf16")


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(bool(found.get(name)) for name in _PRODUCTS)
