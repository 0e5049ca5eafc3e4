"""The default folder for data kept between runs: one rule for broker, worker, event log and trainer."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

#: The variable of the XDG base directory specification, and what holds where it is unset.
XDG_DATA_HOME: Final = "XDG_DATA_HOME"
_USUAL: Final = "~/.local/share"


def data_folder(name: str, environment: Mapping[str, str]) -> str:
    """`$XDG_DATA_HOME/pathcast/<name>`, with `~` still in it where the variable is not set.

    As the specification says, a relative path in the variable counts as none.
    """
    home = environment.get(XDG_DATA_HOME, "")
    return str(PurePath(home if PurePath(home).is_absolute() else _USUAL) / "pathcast" / name)


def documented(name: str) -> dict[str, str]:
    """How the reference of settings writes that default."""
    return {"documented": f"${XDG_DATA_HOME}/pathcast/{name}"}
