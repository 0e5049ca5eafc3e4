"""Any file as what the readers take: Parquet, or text in UTF-8; with a fingerprint of its content."""

import codecs
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import xxhash

from trainer.tables import scratch
from trainer.tables.log_error import LogError
from trainer.tables.unpacking import unpacked

PARQUET, JSON, DELIMITED = "parquet", "json", "delimited"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: What programs for Western Europe write where they do not write UTF-8.
_WESTERN = "cp1252"
_CHUNK = 1 << 22


class PlainFile(NamedTuple):
    """`path` has the content unpacked, in UTF-8 if it is text; `name` is what people call the file.

    `fingerprint` (16 hex digits) is that of the unpacked content; `encoding` is set where it is not UTF-8.
    """

    path: Path
    name: str
    kind: str
    fingerprint: str
    encoding: str | None = None


def plain_file(path: Path, encoding: str | None = None) -> PlainFile:
    """Unpack a file and bring its text to UTF-8, once for each content of the path. Raises LogError."""
    if not path.is_file():
        raise LogError(f"{path} is no file: name a CSV, JSON lines or Parquet log")
    try:
        return _plain(path, encoding, scratch.stamp(path))
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error}): check that it is what its name says") from error


@lru_cache(maxsize=64)
def _plain(path: Path, encoding: str | None, _stamp: tuple[str, int, int]) -> PlainFile:
    content = unpacked(path)
    with content.open("rb") as file:
        head = file.read(_CHUNK)
    if not head:
        raise LogError(f"{path} cannot be read (it is empty): check that it is what its name says")
    if head.startswith(b"PAR1"):
        return PlainFile(content, path.name, PARQUET, _fingerprint(content))
    found = encoding or _encoding(path, content, head)
    sure = encoding is None and _is_plain(found, head)
    text = content if sure else _rewritten(path, content, found, head)
    named = None if codecs.lookup(found).name == "utf-8" else found
    return PlainFile(text, path.name, kind_of(path, _beginning(text)), _fingerprint(content), named)


def _encoding(path: Path, content: Path, head: bytes) -> str:
    """The encoding that a mark or the whole content tells. Raises LogError."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if head[1:200:2].count(0) > len(head[1:200:2]) // 2:
        return "utf-16-le"
    for found in ("utf-8", _WESTERN):
        if _reads(content, found):
            return found
    raise LogError(f"{path.name} is neither UTF-8 nor Windows-1252 text: name its --encoding, such as cp1250")


def _reads(content: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with content.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_plain(encoding: str, head: bytes) -> bool:
    """Whether readers take the text as it is: without a byte order mark, in lines."""
    in_lines = b"\n" in head or b"\r" not in head
    return codecs.lookup(encoding).name == "utf-8" and not head.startswith(codecs.BOM_UTF8) and in_lines


def _rewritten(path: Path, content: Path, encoding: str, head: bytes) -> Path:
    to, decoder = scratch.new_path(), codecs.getincrementaldecoder(encoding)()
    # Some old exports end lines with a carriage return alone.
    lone = "\r" if b"\r" in head and b"\n" not in head else "\n"
    try:
        with content.open("rb") as source, to.open("wb") as file:
            while chunk := source.read(_CHUNK):
                file.write(decoder.decode(chunk).replace(lone, "\n").removeprefix("\ufeff").encode())
            decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise LogError(f"{path.name} is no text in {encoding} ({error}): name another --encoding") from error
    return to


def kind_of(path: Path, head: bytes) -> str:
    """The kind of a file that begins with `head`, by that and by its name. Raises LogError."""
    if head.startswith(b"PAR1"):
        return PARQUET
    first = head.lstrip()[:1]
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if ".parquet" in suffixes:
        raise LogError(f"{path} cannot be read (it is no Parquet): check that it is what its name says")
    if first == b"<":
        raise LogError(f"{path.name} is no known kind of log: expected CSV, JSON lines or Parquet")
    return JSON if first in (b"{", b"[") and not suffixes & {".csv", ".tsv"} else DELIMITED


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _fingerprint(content: Path) -> str:
    digest = xxhash.xxh3_64()
    with content.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
