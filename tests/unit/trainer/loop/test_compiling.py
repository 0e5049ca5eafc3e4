"""Compiled passes compute what plain ones compute."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training import SMALL, small
from trainer.fitting.fit import Supervised, fit
from trainer.loop import compiling
from trainer.loop.compiling import CompileError, compiled

CPU = torch.device("cpu")


def test_without_a_compiler_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "compiler", lambda: None)
    made, options = small(), replace(SMALL, compiled=True)
    with pytest.raises(CompileError, match=r"no C\+\+ compiler: install g\+\+ .* or set compiled=false"):
        fit(made.network(options), made.train, made.valid, options, lambda at: None)


@pytest.mark.slow
@pytest.mark.skipif(compiling.compiler() is None, reason="there is no C++ compiler on this machine")
def test_compiled_passes_have_the_same_gradients() -> None:
    made, options = small(), replace(SMALL, dropout=0.0, candidates=0)
    objective = Supervised(made.network(options), made.train, options)
    learned = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    found = []
    for module in (objective, compiled(objective, CPU)):
        objective.zero_grad()
        module(np.arange(40)).backward()
        found.append([torch.zeros(1) if one.grad is None else one.grad.clone() for one in learned])
    for plain, made_fast in zip(*found, strict=True):
        torch.testing.assert_close(plain, made_fast, atol=1e-5, rtol=1e-4)
    assert any(gradient.abs().sum() > 0 for gradient in found[0])
