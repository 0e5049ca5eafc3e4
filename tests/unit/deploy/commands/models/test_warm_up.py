"""`pathcast models warm-up` compiles kernels into a folder from which another process loads them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main
from tests.tiny import ALL_HEADS, version

#: As the image has it.
PINNED = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2"}


def compiled(registry: Path, kernels: Path, cpu: dict[str, str]) -> int:
    command = [sys.executable, "-c", "from deploy.cli import main; main()", "models", "warm-up"]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(kernels), "NUMBA_DISABLE_JIT": "0", **cpu}
    done = subprocess.run(
        [*command, "--registry", str(registry)], env=env, capture_output=True, text=True, check=True
    )
    found = re.search(r"(\d+) kernels compiled", done.stdout)
    assert found, done.stdout
    return int(found[1])


@pytest.mark.long
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the image pins a processor of this kind only")
def test_another_process_compiles_nothing_and_another_processor_does(tmp_path: Path) -> None:
    version(tmp_path / "registry", tasks=ALL_HEADS)
    given = tmp_path / "registry", tmp_path / "kernels"
    assert compiled(*given, PINNED) > 5
    assert compiled(*given, PINNED) == 0
    assert compiled(*given, {**PINNED, "NUMBA_CPU_FEATURES": "+avx2,+fma"}) > 5


def test_an_empty_registry_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["models", "warm-up", "--registry", str(tmp_path)])
    assert result.exit_code == 1
    assert "has no version" in str(result.output) + str(result.exception)
