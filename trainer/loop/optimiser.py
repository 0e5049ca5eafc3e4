"""AdamW for the network, Adagrad for its input table."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

#: Added to sums of squares, against a division by zero.
_LEAST = 1e-20


class Optimiser(torch.optim.AdamW):
    """AdamW (Loshchilov, Hutter 2019); with a `table_rate` Adagrad (Duchi et al. 2011) for the `table`.

    A row of the table gets a gradient as often as its item is clicked. Adagrad divides each element's
    gradient by the root of the sum of its squares so far, so rows of rare items still move. Rows without a
    gradient in a batch do not change. The table has no weight decay.

    `peak` of a group is the highest learning rate of the schedule.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        weight_decay: float,
        table: Tensor | None = None,
        table_rate: float = 0.0,
    ) -> None:
        apart = table if table_rate else None
        own = [parameter for parameter in parameters if parameter is not apart]
        groups: list[dict[str, Any]] = [{"params": own, "lr": rate, "peak": rate}]
        if apart is not None and apart.requires_grad:
            groups.append({"params": [apart], "lr": table_rate, "peak": table_rate, "adagrad": True})
        super().__init__(groups, weight_decay=weight_decay, fused=True)

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients; those of the table are removed afterwards."""
        for group in self.param_groups:
            if "adagrad" in group:
                for parameter in group["params"]:
                    self._adagrad(parameter, group["lr"])
        super().step(closure)

    @torch.no_grad()
    def _adagrad(self, parameter: Tensor, rate: float) -> None:
        slope, parameter.grad = parameter.grad, None
        if slope is None:
            return
        state = self.state[parameter]
        if not state:
            # AdamW loads a state only if it has a step.
            state["step"], state["sum"] = torch.zeros(()), torch.zeros_like(parameter)
        state["step"] += 1
        if slope.is_sparse:
            slope = slope.coalesce()
            rows, values = slope.indices()[0], slope.values()
            # Plain indexing does the same and takes twice as long.
            squares = state["sum"].index_select(0, rows).addcmul_(values, values)
            state["sum"].index_copy_(0, rows, squares)
            parameter.index_add_(0, rows, squares.add_(_LEAST).rsqrt_().mul_(values), alpha=-rate)
        else:
            squares = state["sum"].addcmul_(slope, slope)
            parameter.addcmul_(squares.add(_LEAST).rsqrt_(), slope, value=-rate)


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], most: float) -> None:
    """Scale the gradients so that their common norm is at most `most` (Pascanu et al. 2013)."""
    found = [parameter for parameter in parameters if parameter.grad is not None]
    slopes = [_values(parameter) for parameter in found]
    if slopes:
        norm = torch.nn.utils.get_total_norm(slopes)
        torch._foreach_mul_(slopes, (most / (norm + 1e-6)).clamp(max=1.0))


def _values(parameter: nn.Parameter) -> Tensor:
    """The values of a gradient; a sparse one is coalesced, so that each row counts once."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter.grad
    parameter.grad = parameter.grad.coalesce()
    return parameter.grad._values()
