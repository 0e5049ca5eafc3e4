"""AdamW for a network, Adagrad for the table of its inputs."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

#: Sum of squares of an element without any: it is not to be divided by zero.
_LEAST = 1e-20


class Optimiser(torch.optim.AdamW):
    """AdamW (Loshchilov, Hutter 2019); with a `table_rate` Adagrad (Duchi et al. 2011) for the `table`.

    Rows of a table are met as often as their items are clicked. Adagrad divides each element's slope by the
    root of all its squares so far, so that what is rarely met still moves, and leaves alone whatever a batch
    has not met: of a sparse gradient only the rows that it has are touched. The table does not decay.

    `peak` of a group is the rate that a schedule takes as its highest.
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
        """One step along the gradients; those of the table are used up."""
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
            # AdamW takes up a state only with a step in it.
            state["step"], state["sum"] = torch.zeros(()), torch.zeros_like(parameter)
        state["step"] += 1
        if slope.is_sparse:
            slope = slope.coalesce()
            rows, values = slope.indices()[0], slope.values()
            # Plain indexing does the same, twice as slowly.
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
    """What a gradient holds; of a sparse one each row once."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter.grad
    parameter.grad = parameter.grad.coalesce()
    return parameter.grad._values()
