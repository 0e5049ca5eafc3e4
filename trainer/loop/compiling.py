"""Passes compiled by torch.compile (Ansel et al. 2024, "PyTorch 2"), if `compiled` asks for it."""

import os
import shutil
from typing import cast

import torch
from torch import nn

from models.errors import PathcastError


class CompileError(PathcastError):
    """Compiled passes need a C++ compiler, and there is none."""


def compiler() -> str | None:
    """The C++ compiler that torch would use."""
    return next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), None)


def compiled(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with its passes compiled for batches of any shape. Raises CompileError.

    Parts that depend on the values of a batch (which clicks have a target) are not compiled.
    """
    if device.type == "cpu" and compiler() is None:
        raise CompileError(
            "compiled is true, but there is no C++ compiler: install g++ or clang++, or set compiled=false"
        )
    return cast(nn.Module, torch.compile(module, dynamic=True))
