"""Further processes of this program."""

import sys


def command(*arguments: str) -> list[str]:
    """`pathcast …` by this very interpreter, wherever its scripts are."""
    return [sys.executable, "-c", "from deploy.cli import main; main(prog_name='pathcast')", *arguments]
