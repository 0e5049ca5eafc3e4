"""Kernels that are compiled are told by name; a cache that cannot be read is as good as none."""

import errno
import importlib.util
import pickle
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from models.compiled import compilations


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_compilations_are_told_and_calls_of_compiled_kernels_are_not() -> None:
    def doubled(values):  # type: ignore[no-untyped-def]
        return np.median(values) * 2  # which numba compiles, too

    kernel, told = numba.njit(doubled), []
    with compilations(told.append):
        kernel(np.ones(3))
        kernel(np.ones(4))
    kernel(np.ones(3, np.float32))
    assert told == ["doubled"]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_a_cache_that_names_a_class_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    source = tmp_path / "doubling.py"
    source.write_text(
        "from models.compiled import kernel\n@kernel\ndef doubled(value):\n    return value * 2\n"
    )
    assert _told(source) == ["doubled"]
    assert _told(source) == []
    (index,) = (tmp_path / "__pycache__").glob("*.nbi")
    index.write_bytes(pickle.dumps(numba.__version__) + b"cmodels.compiled\nGone\n.")
    assert _told(source) == ["doubled"]
    assert _told(source) == []


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_a_full_disk_costs_later_processes_time_and_no_call_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = tmp_path / "doubling.py"
    source.write_text(
        "from models.compiled import kernel\n@kernel\ndef doubled(value):\n    return value * 2\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr("numba.core.caching.IndexDataCacheFile.save", full)
        assert _told(source) == ["doubled"]
    assert _told(source) == ["doubled"]
    assert _told(source) == []


def _told(source: Path) -> list[str]:
    """The kernels that a fresh import of the file and a call compile."""
    told: list[str] = []
    with compilations(told.append):
        assert _imported(source).doubled(3) == 6
    return told


def _imported(source: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
