"""Copies of the project in which a worked example is applied."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(__file__).parent
PACKAGES = ("models", "streams", "trainer", "gateway", "deploy")
_COPIED = (*PACKAGES, "tests", "docs", "README.md", "CHANGELOG.md", "pyproject.toml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "build", "extending")


def names() -> list[str]:
    """The folders of the examples."""
    return sorted(patch.parent.name for patch in EXAMPLES.glob("*/change.patch"))


def copy_project(directory: Path) -> None:
    """The files of the project, without what was built; `directory` may exist and be empty."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, directory / name, ignore=_LEFT_OUT)
        else:
            shutil.copy(ROOT / name, directory / name)


def apply(name: str, directory: Path) -> None:
    """Apply an example's patch to a copy; raises ValueError with git's message where it does not fit."""
    patch = EXAMPLES / name / "change.patch"
    done = _git(directory, "apply", "--whitespace=nowarn", str(patch))
    if done.returncode != 0:
        raise ValueError(
            f"{patch} does not fit the code any more: {done.stderr.strip()}; apply it by hand in a copy and "
            "write it again (tests/extending/README.md)"
        )


def start_editing(name: str, directory: Path) -> None:
    """Make a copy that is a git repository with one commit, the project; apply the patch if there is one."""
    copy_project(directory)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "the project"]):
        _git(directory, *command).check_returncode()
    if (EXAMPLES / name / "change.patch").exists():
        apply(name, directory)


def write_patch(name: str, directory: Path) -> None:
    """Write what was changed in an edited copy as the example's patch."""
    _git(directory, "add", "--intent-to-add", "-A").check_returncode()
    changed = _git(directory, "diff", "--no-color", "--unified=1", "HEAD")
    changed.check_returncode()
    (EXAMPLES / name).mkdir(exist_ok=True)
    (EXAMPLES / name / "change.patch").write_text(changed.stdout)


def code_files(name: str) -> list[str]:
    """The code files that an example touches: Python and TOML files of the packages."""
    patch = (EXAMPLES / name / "change.patch").read_text()
    touched = set(re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", patch, re.MULTILINE))
    return sorted(one for one in touched if one.startswith(PACKAGES) and one.endswith((".py", ".toml")))


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """git without the user's settings; it does not look for a repository above the copy."""
    own = {"GIT_CEILING_DIRECTORIES": str(directory.absolute().parent), "GIT_CONFIG_GLOBAL": os.devnull}
    author = {
        "GIT_AUTHOR_NAME": "-",
        "GIT_AUTHOR_EMAIL": "-",
        "GIT_COMMITTER_NAME": "-",
        "GIT_COMMITTER_EMAIL": "-",
    }
    return subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env={**os.environ, **own, **author},
        capture_output=True,
        text=True,
        check=False,
    )
