"""bf16 only where the processor has it."""

import pytest
import torch

from models.retrieval.cpu_features import computes_bf16
from trainer.experiments import network_protocol
from trainer.loop.options import Options
from trainer.loop.precision import halves

CPU = torch.device("cpu")


@pytest.mark.parametrize("found", [{}, {"avx2": True, "avx512_f": True}, {"avx512_bf16": False}])
def test_a_processor_that_would_imitate_bf16_computes_in_fp32(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool]
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert not halves("auto", CPU)
    assert halves("bf16", CPU)


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_that_has_it_uses_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {name: True})
    assert halves("auto", CPU)
    assert not halves("fp32", CPU)


def test_this_machine_is_asked_and_the_defaults_leave_the_choice_to_it() -> None:
    assert halves("auto", CPU) == computes_bf16(CPU)
    assert Options().precision == network_protocol.OPTIONS.precision == "auto"
