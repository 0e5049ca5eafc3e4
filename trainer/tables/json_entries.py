"""The entries of a file of JSON: one a line, or those of one array, or one document over several lines."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

_entries = msgspec.json.Decoder(list[msgspec.Raw]).decode
_document = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def json_entries(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each entry with its line, or with its place in the array (from 1); entries may be damaged."""
    whole = _whole(path)
    if whole is not None:
        yield from enumerate(map(bytes, whole), 1)
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line.strip()


def _whole(path: Path) -> list[msgspec.Raw] | None:
    """The entries of a file that is one array or one document; None: it has lines."""
    with path.open("rb") as file:
        first = file.readline().strip() or file.readline().strip()
    in_lines = first.startswith(b"{") and _is_document(first)
    if in_lines:
        return None
    content = path.read_bytes().strip()
    try:
        return _entries(content)
    except msgspec.DecodeError:
        return [msgspec.Raw(content)] if _is_document(content) else None


def _is_document(text: bytes) -> bool:
    try:
        _document(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
