"""The error of a file that cannot be read as a log or a catalogue."""

from models.errors import PathcastError


class LogError(PathcastError):
    """An event log cannot be read, or its columns cannot be mapped to the contract's fields."""
