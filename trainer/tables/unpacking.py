"""Compressed files, told by their first bytes: gzip, zstd, zip, bzip2, xz."""

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import zstandard

from trainer.tables import scratch
from trainer.tables.log_error import LogError

#: The second is that of an archive without files.
ZIP, _FRAME = (b"PK\x03\x04", b"PK\x05\x06"), b"\x28\xb5\x2f\xfd"
#: Windows as large as `zstd --ultra --long` writes.
_ZSTD = zstandard.ZstdDecompressor(max_window_size=1 << 31)
_STREAMS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    _FRAME: lambda path: zstandard.open(path, "rb", dctx=_ZSTD),
}
_WORKBOOK = "[Content_Types].xml"
#: Most archives within each other; some unpack to themselves without an end.
_DEEPEST = 4


def unpacked(path: Path) -> Path:
    """The file itself, or what it holds as a file of this process. Raises LogError."""
    content = path
    try:
        for _ in range(_DEEPEST):
            inner = _inner(content, path.name)
            if inner is None:
                return content
            content = inner
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise LogError(f"{path} cannot be read ({error}): check that it is what its name says") from error
    raise LogError(f"{path.name} is packed {_DEEPEST} times or more: unpack it and name what is in it")


def _inner(path: Path, name: str) -> Path | None:
    """What a file holds as a file of this process; None: it is not packed."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(ZIP):
        return _member(path, name)
    if head.startswith(_FRAME):
        return _zstd(path)
    opener = next((opener for magic, opener in _STREAMS.items() if head.startswith(magic)), None)
    return None if opener is None else _copied(opener(path))


def streamed(path: Path) -> BufferedIOBase:
    """The content from its beginning, of a file that is plain or compressed as a stream."""
    with path.open("rb") as file:
        head = file.read(6)
    opener = next((opener for magic, opener in _STREAMS.items() if head.startswith(magic)), None)
    found: BufferedIOBase = path.open("rb") if opener is None else opener(path)
    return found


def _zstd(path: Path) -> Path:
    """All frames; its stream would end in silence where a file does in the middle of one."""
    to = scratch.new_path()
    with path.open("rb") as source, to.open("wb") as file:
        frame = _ZSTD.decompressobj()
        while chunk := source.read(1 << 20):
            while chunk:
                frame = _ZSTD.decompressobj() if frame.eof else frame
                file.write(frame.decompress(chunk))
                chunk = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("it ends in the middle")
    return to


def _copied(stream: Any) -> Path:
    to = scratch.new_path()
    with stream as source, to.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return to


def _member(path: Path, name: str) -> Path:
    """The only file of an archive."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise LogError(f"{name} is no whole zip archive ({error}): copy it again") from error
    names = [one for one in archive.namelist() if _is_content(one)]
    if _WORKBOOK in names:
        raise LogError(f"{name} is an office workbook: save it as CSV in UTF-8")
    if len(names) != 1:
        listed = ", ".join(names[:5]) or "none"
        raise LogError(f"{name} has {len(names)} files ({listed}), expected one: unpack it and name one")
    try:
        return _copied(archive.open(names[0]))
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise LogError(f"{names[0]} in {name} cannot be unpacked ({error}): unpack it") from error


def _is_content(name: str) -> bool:
    """Archives made on a Mac have a shadow of each file."""
    return (
        not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and not name.rpartition("/")[2].startswith(".")
    )
