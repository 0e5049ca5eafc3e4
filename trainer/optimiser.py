"""AdamW that leaves alone the rows of a table which a batch has not met."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class RowwiseAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov, Hutter 2019) whose sparse gradients move only their own rows, moments included.

    Known as lazy Adam: a row's moments fade by its own steps, not by those of others. Dense gradients are
    treated as AdamW does.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(parameters, weight_decay=weight_decay, fused=True)

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._rows(parameter, parameter.grad.coalesce(), group)
                    parameter.grad = None
        super().step(closure)

    @torch.no_grad()
    def _rows(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(parameter) for _ in range(2))
        state["step"] += 1
        rows, slope, done = gradient.indices()[0], gradient.values(), float(state["step"])
        (first, second), rate = group["betas"], group["lr"]
        mean = state["exp_avg"][rows].lerp_(slope, 1 - first)
        square = state["exp_avg_sq"][rows].mul_(second).addcmul_(slope, slope, value=1 - second)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, square
        spread = square.div_(1 - second**done).sqrt_().add_(group["eps"])
        kept = parameter[rows].mul_(1 - rate * group["weight_decay"])
        parameter[rows] = kept.addcdiv_(mean, spread, value=-rate / (1 - first**done))


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], most: float) -> None:
    """Scale the gradients so that their common norm is at most `most` (Pascanu et al. 2013)."""
    found = [parameter for parameter in parameters if parameter.grad is not None]
    slopes = [_values(parameter) for parameter in found]
    if slopes:
        norm = torch.nn.utils.get_total_norm(slopes)
        torch._foreach_mul_(slopes, (most / (norm + 1e-6)).clamp(max=1.0))


def _values(parameter: nn.Parameter) -> Tensor:
    """What a gradient holds; of a sparse one each row once."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter.grad
    parameter.grad = parameter.grad.coalesce()
    return parameter.grad._values()
