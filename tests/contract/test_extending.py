"""The worked examples of `docs/extending.md`: each patch is applied in a copy, where its test passes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extending.project_copy import EXAMPLES, apply, code_files, copy_project, names

MOST_CODE_FILES = 2
_FAILED, _COULD_NOT_IMPORT = 1, 2


def run_test(name: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """The example's test inside a copy, with the copy's packages."""
    shutil.copy(EXAMPLES / name / "test_change.py", directory / "tests" / "test_change.py")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_change.py"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_an_example_works_and_only_by_its_patch(name: str, tmp_path: Path):
    copy_project(tmp_path / "copy")
    without = run_test(name, tmp_path / "copy")
    assert without.returncode in (_FAILED, _COULD_NOT_IMPORT), f"passes without the patch: {without.stdout}"
    apply(name, tmp_path / "copy")
    done = run_test(name, tmp_path / "copy")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", names())
def test_an_example_touches_few_code_files(name: str):
    assert 1 <= len(code_files(name)) <= MOST_CODE_FILES, code_files(name)
