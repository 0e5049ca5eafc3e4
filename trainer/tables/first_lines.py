"""The first lines of a file of text, without the rest of it: to check a header before a long file is read."""

import codecs
from pathlib import Path

from trainer.tables.plain_file import DELIMITED, kind_of
from trainer.tables.unpacking import ZIP, streamed

_BYTES = 1 << 20


def first_lines(path: Path, encoding: str | None = None) -> list[str]:
    """At most 1 MiB of delimited text in UTF-8 or the `encoding`; none where it is anything else."""
    head = _head(path)
    if head.startswith(ZIP):
        return []
    if head.startswith(codecs.BOM_UTF8):
        head = head[len(codecs.BOM_UTF8) :]
    try:
        text = head.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return []  # reading the whole file finds its encoding
    if not text.strip() or kind_of(path, head) != DELIMITED:
        return []
    return text.splitlines() if len(head) < _BYTES else text.splitlines()[:-1]


def _head(path: Path) -> bytes:
    """As much as can be read: what is wrong with the rest is found by who reads it."""
    head = b""
    try:
        with streamed(path) as stream:
            while len(head) < _BYTES and (chunk := stream.read1(1 << 14)):
                head += chunk
    except (OSError, EOFError, ValueError):
        pass
    return head
