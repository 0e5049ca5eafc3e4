"""Files appear whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from models.durable_files import replace_file, replacing, staged_folder, sync_folder, write_synced


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was forced onto the disk, in order."""
    names: list[str] = []

    def fsync(file: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def interrupted(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_bytes(b"three")
        raise KeyboardInterrupt


def half_filled(path: Path) -> None:
    with staged_folder(path) as partial:
        write_synced(partial / "a", b"content")
        write_synced(partial / "missing" / "b", b"content")


def test_a_file_is_synced_before_it_takes_its_name(tmp_path: Path, synced: list[str]) -> None:
    replace_file(tmp_path / "state.json", b"one")
    replace_file(tmp_path / "state.json", b"two")
    assert (tmp_path / "state.json").read_bytes() == b"two"
    assert synced == [".state.json.partial"] * 2
    assert names(tmp_path) == ["state.json"]


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file(tmp_path / "state.json", b"one")

    def full(file: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "state.json", b"two")
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "state.json")
    assert (tmp_path / "state.json").read_bytes() == b"one"
    assert names(tmp_path) == ["state.json"]


def test_a_folder_appears_with_all_of_its_files(tmp_path: Path, synced: list[str]) -> None:
    with staged_folder(tmp_path / "versions" / "one") as partial:
        write_synced(partial / "a", b"content")
        assert not (tmp_path / "versions" / "one").exists()
        assert stat.S_IMODE(partial.stat().st_mode) == 0o700
    sync_folder(tmp_path / "versions")
    assert names(tmp_path / "versions") == ["one"]
    assert names(tmp_path / "versions" / "one") == ["a"]
    assert synced == ["a", "versions"]


def test_a_folder_that_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        half_filled(tmp_path / "one")
    assert names(tmp_path) == []
