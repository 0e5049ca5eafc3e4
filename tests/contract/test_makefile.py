"""`make` finds a Python of a version that fits by itself, and says what to install where there is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pythons(tmp_path):
    """Lets the given names be the only Pythons; each takes the check of its version or fails it."""
    for tool in ("sh", "make", "tail", "test", "pip"):
        if where := shutil.which(tool):
            (tmp_path / tool).symlink_to(where)

    def made(**fits):
        for name, good in fits.items():
            script = tmp_path / name.replace("_", ".")
            script.write_text(f"#!/bin/sh\nexit {0 if good else 1}\n")
            script.chmod(0o755)
        return run(tmp_path)

    return made


def run(path, *arguments):
    words = ["make", "-n", "-B", "build/uv/bin/uv", *arguments]
    environment = {**os.environ, "PATH": str(path)}
    environment.pop("PYTHON", None)
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("fits", "taken"),
    [
        ({"python3_11": True, "python3_12": True}, "python3.11"),
        ({"python3_12": True}, "python3.12"),
        ({"python3_13": True, "python3": True}, "python3.13"),
        ({"python3_11": False, "python3": True}, "python3"),
        ({"python3": False, "python": True}, "python"),
    ],
)
def test_the_first_that_fits_is_taken(pythons, fits, taken):
    assert f"\n{taken} -m venv build/uv" in pythons(**fits)


def test_without_any_the_answer_is_what_to_install(pythons, tmp_path):
    said = pythons(python3=False)
    assert 'test "none" != none' in said
    command = next(line for line in said.splitlines() if line.startswith("test "))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13" in done.stdout
