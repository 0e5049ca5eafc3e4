"""Logs of events as files. Scripts import `read_log` from here; it is loaded when asked for, with polars."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "read_log":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trainer.logs.log_files import read_log

    return read_log
