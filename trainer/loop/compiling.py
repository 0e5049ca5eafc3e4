"""Passes through torch.compile (Ansel et al. 2024, "PyTorch 2"), where they are asked for."""

import os
import shutil
from typing import cast

import torch
from torch import nn

from models.errors import PathcastError


class CompileError(PathcastError):
    """Compiled passes were asked for where nothing can compile them."""


def compiler() -> str | None:
    """The C++ compiler that torch would use."""
    return next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), None)


def compiled(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with its passes compiled for batches of any shape. Raises CompileError.

    What depends on a batch's values (which clicks have a target) stays outside the compiled parts.
    """
    if device.type == "cpu" and compiler() is None:
        raise CompileError(
            "compiled is true, but there is no C++ compiler (g++ or clang++): install one, or leave it out"
        )
    return cast(nn.Module, torch.compile(module, dynamic=True))
