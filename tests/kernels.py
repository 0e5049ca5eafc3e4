"""The compiled kernels of the project: all of them, and how to run a test without compiling."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest
from numba.core.dispatcher import Dispatcher

import models


def kernels() -> Iterator[tuple[ModuleType, str, Dispatcher]]:
    """Module, name and dispatcher of each kernel."""
    for found in pkgutil.walk_packages(models.__path__, "models."):
        module = importlib.import_module(found.name)
        for name, one in vars(module).items():
            if isinstance(one, Dispatcher):
                yield module, name, one


def uncompile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all kernels as plain functions, as NUMBA_DISABLE_JIT=1 does."""
    for module, name, one in list(kernels()):
        monkeypatch.setattr(module, name, one.py_func)
