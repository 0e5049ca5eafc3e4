"""Session files as papers share them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from trainer.logs.reading import LogError
from trainer.logs.session_files import Sessions, read


def files(folder: Path, train: bytes, test: bytes) -> tuple[Path, Path]:
    pair = folder / "train.txt", folder / "test.txt"
    for path, content in zip(pair, (train, test), strict=True):
        path.write_bytes(content)
    return pair


def test_items_are_numbered_as_they_come(tmp_path: Path) -> None:
    split = read(*files(tmp_path, b"b a\n\na a c\n", b"a b\tc\nnew a\tnew\nnew\tb\n"))
    assert split.ids == ("b", "a", "c")
    assert split.train.items.tolist() == [0, 1, 1, 1, 2]
    assert split.train.bounds.tolist() == [0, 2, 5]
    assert split.train.numbers.tolist() == [0, 0, 1, 1, 1]
    assert split.prefixes.items.tolist() == [1, 0, 1]
    assert split.prefixes.bounds.tolist() == [0, 2, 3, 3]
    assert split.targets.tolist() == [2, -1, 0]


def test_gzip_is_read_alike(tmp_path: Path) -> None:
    plain = files(tmp_path, b"b a\na c\n", b"a\tc\n")
    packed = [path.with_suffix(".txt.gz") for path in plain]
    for path, copy in zip(plain, packed, strict=True):
        copy.write_bytes(gzip.compress(path.read_bytes()))
    assert read(*packed).train.items.tolist() == read(*plain).train.items.tolist()


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (b"", b"a\tb\n", "train.txt has no line"),
        (b"a b\n", b"\n\n", "test.txt has no line"),
        (b"a b\n", b"a\tb\na b\n", "line 2 of test.txt is 'a b'"),
        (b"a b\n", b"a\tb c\n", "line 1 of test.txt"),
        (b"a b\n", b"\tb\n", "line 1 of test.txt"),
        (b"\xff\xfe a\n", b"a\tb\n", "train.txt cannot be read"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, train: bytes, test: bytes, message: str) -> None:
    with pytest.raises(LogError, match=message):
        read(*files(tmp_path, train, test))


def test_a_damaged_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.txt.gz"
    path.write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(LogError, match="cannot be read"):
        read(path, path)


def test_views_of_sessions_agree_with_slices() -> None:
    sessions = Sessions(np.array([1, 2, 3, 4, 5, 5]), np.array([0, 3, 3, 4, 6]))
    assert sessions.recent(2).tolist() == [[3, 2], [-1, -1], [4, -1], [5, 5]]
    part = sessions.part(1, 4)
    assert (part.items.tolist(), part.bounds.tolist()) == ([4, 5, 5], [0, 0, 1, 3])
    chosen = sessions.chosen(np.array([3, 0]))
    assert (chosen.items.tolist(), chosen.bounds.tolist()) == ([5, 5, 1, 2, 3], [0, 2, 5])
    prefixes, targets = sessions.prefixes()
    assert (prefixes.items.tolist(), prefixes.bounds.tolist()) == ([1, 1, 2, 5], [0, 1, 3, 4])
    assert targets.tolist() == [2, 3, 5]
