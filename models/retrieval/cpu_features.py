"""What the processor computes in hardware."""

import torch

#: What torch calls processors' bf16 products; a processor without them imitates bf16, some 30 times slower.
_PRODUCTS = ("avx512_bf16", "amx_bf16", "bf16")


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies in bf16 rather than imitating it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(bool(found.get(name)) for name in _PRODUCTS)
