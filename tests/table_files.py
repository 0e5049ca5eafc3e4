"""Read a table file of RocksDB without RocksDB, which shows no entry that is superseded or deleted.

Format: https://github.com/facebook/rocksdb/wiki/Rocksdb-BlockBasedTable-Format, footers of format version 6.
A file is refused unless every byte belongs to a block that was read, and the entries are as many as it says.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cramjam
import zstandard

FOOTER, TRAILER, MAGIC = 53, 5, bytes.fromhex("f7cff485b741e288")
NONE, LZ4, ZSTD = 0, 4, 7
DELETIONS = {0, 7}


class Entry(NamedTuple):
    """One version of a key; `sequence` orders versions, `value` is empty where it is a deletion."""

    key: bytes
    sequence: int
    deleted: bool
    value: bytes


class Table(NamedTuple):
    """All entries, hidden ones too, and by name the other blocks (index, dictionary, properties, filter)."""

    entries: list[Entry]
    blocks: dict[str, bytes]


class UnreadableError(Exception):
    """This is no whole table file, or it uses what this reader does not know."""


def read(content: bytes) -> Table:
    """All that the bytes of a table file hold; UnreadableError where anything would be left out."""
    footer = content[-FOOTER:]
    if len(footer) < FOOTER or footer[-8:] != MAGIC or footer[-12] != 6:
        raise UnreadableError("no footer of format version 6")
    size = int.from_bytes(footer[13:17], "little")
    where = {"metaindex": (len(content) - FOOTER - TRAILER - size, size)}
    metaindex = _block(content, *where["metaindex"])
    where |= {key.decode(): _handle(value) for key, value in _pairs(metaindex)}
    blocks = {name: _block(content, *place) for name, place in where.items()}
    data = list(_index(blocks["rocksdb.index"]))
    _tiled(content, [*where.values(), *data])
    entries = _entries(content, data, blocks.get("rocksdb.compression_dict"))
    counted = _varint(dict(_pairs(blocks["rocksdb.properties"]))[b"rocksdb.num.entries"], 0)[0]
    if counted != len(entries):
        raise UnreadableError(f"{len(entries)} entries found of {counted}")
    return Table(entries, blocks)


def _tiled(content: bytes, places: list[tuple[int, int]]) -> None:
    end = 0
    for offset, size in sorted(places):
        if offset != end:
            raise UnreadableError(f"bytes {end} to {offset} are in no known block")
        end += size + TRAILER
    if end != len(content) - FOOTER:
        raise UnreadableError(f"bytes from {end} are in no known block")


def _entries(content: bytes, data: list[tuple[int, int]], dictionary: bytes | None) -> list[Entry]:
    zstd = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    pairs = (pair for place in data for pair in _pairs(_block(content, *place, zstd)))
    return [_entry(key, value) for key, value in pairs]


def _entry(key: bytes, value: bytes) -> Entry:
    packed = int.from_bytes(key[-8:], "little")
    return Entry(key[:-8], packed >> 8, packed & 255 in DELETIONS, value)


def _block(content: bytes, offset: int, size: int, dictionary: Any = None) -> bytes:
    packed, how = content[offset : offset + size], content[offset + size]
    if how == NONE:
        return packed
    length, start = _varint(packed, 0)
    if how == LZ4:
        return bytes(cramjam.lz4.decompress_block(packed[start:], output_len=length))
    if how == ZSTD:
        return zstandard.ZstdDecompressor(dictionary).decompress(packed[start:], length)
    raise UnreadableError(f"compression {how}")


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; each key says how much it has in common with the one before it."""
    at, key = 0, b""
    while at < _entries_end(block):
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own + length
        yield key, block[at - length : at]


def _index(block: bytes) -> Iterator[tuple[int, int]]:
    """The handles of data blocks: values without lengths, whole where a key has nothing in common."""
    at = 0
    while at < _entries_end(block):
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        if shared:
            raise UnreadableError("an index with shortened handles")
        offset, at = _varint(block, at + own)
        size, at = _varint(block, at)
        yield offset, size


def _entries_end(block: bytes) -> int:
    restarts = int.from_bytes(block[-4:], "little")
    if restarts >> 28:
        raise UnreadableError("a block with a hash index")
    return len(block) - 4 - 4 * restarts


def _handle(packed: bytes) -> tuple[int, int]:
    offset, at = _varint(packed, 0)
    return offset, _varint(packed, at)[0]


def _varint(packed: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (packed[at] & 127) << shift
        shift += 7
        at += 1
        if packed[at - 1] < 128:
            return value, at
