"""A registry at an fsspec URL (`s3://`, `hdfs://`, `file://`, …), whose versions are copied to and from it.

`registry/<version>/` has the files that `models.registry.registry` writes. Object stores cannot rename, so a
version is complete once its manifest exists: the manifest is written last and read first.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from models.durable_files import staged_folder, write_synced
from models.registry.manifests import read_manifest, verified_content
from models.registry.refusals import Refusal, RegistryError
from models.registry.versions import MANIFEST


def is_url(place: str) -> bool:
    """Whether a registry's place is a URL rather than a folder."""
    return "://" in place


def version_url(url: str, name: str) -> str:
    """The URL of a version in the registry at `url`."""
    return f"{url.rstrip('/')}/{name}"


def fetch(url: str, folder: Path, sha256: str | None = None) -> Path:
    """Copy the version at `url` to a folder under `folder`, unless it is there already; returns the copy.

    `sha256` is the announced digest of the manifest. All files are verified before the copy gets its name.
    Raises RegistryError for files that are missing, damaged or of another program, and for a full disk.
    """
    copy = folder / PurePosixPath(url).name
    if _is_copied(copy, sha256):
        return copy
    manifest = _read(url, MANIFEST)
    listed = read_manifest(url, manifest, sha256)
    try:
        _copy(url, copy, manifest, listed)
    except OSError as error:
        raise unwritable(copy, error) from error
    return copy


def put(version: Path, url: str) -> str:
    """Copy a version into the registry at `url`, its manifest last; returns the version's URL.

    Files that are there with the right SHA-256 are not written, so a second call only repairs. Raises
    RegistryError with refusal UNREACHABLE, or for wrong files in the folder.
    """
    target = version_url(url, version.name)
    try:
        fs, path = _place(target)
        fs.makedirs(path, exist_ok=True)
        for name, content in _whole(version):
            if not _holds(fs, f"{path}/{name}", content):
                fs.pipe_file(f"{path}/{name}", content)
    except RegistryError:
        raise
    except Exception as error:
        raise RegistryError(
            f"cannot write {target}: {error!r}; check the address and its credentials", Refusal.UNREACHABLE
        ) from error
    return target


def names(url: str) -> list[str]:
    """Names of the entries of the registry at `url`; none where it does not exist. Raises RegistryError."""
    try:
        fs, path = _place(url)
        fs.invalidate_cache()
        return sorted(PurePosixPath(str(found)).name for found in fs.ls(path, detail=False))
    except FileNotFoundError:
        return []
    except Exception as error:
        raise RegistryError(
            f"cannot list {url}: {error!r}; check the address and its credentials", Refusal.UNREACHABLE
        ) from error


def remove(url: str) -> None:
    """Remove the version at `url`, its manifest first, so that a kill leaves no version.

    Raises RegistryError.
    """
    try:
        fs, path = _place(url)
        if fs.exists(f"{path}/{MANIFEST}"):
            fs.rm_file(f"{path}/{MANIFEST}")
        if fs.exists(path):
            fs.rm(path, recursive=True)
    except Exception as error:
        raise RegistryError(
            f"cannot remove {url}: {error!r}; check the address and its credentials", Refusal.UNREACHABLE
        ) from error


def unwritable(path: Path, error: OSError) -> RegistryError:
    """The error for a path that cannot be written: DISK_FULL or OTHER, with advice."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free the disk" if full else "give a writable folder"
    refusal = Refusal.DISK_FULL if full else Refusal.OTHER
    return RegistryError(f"cannot write {path}: {error}; {advice}", refusal)


def _whole(version: Path) -> Iterator[tuple[str, bytes]]:
    """A version's files by name, verified, the manifest last; other files of the folder are left out."""
    try:
        manifest = (version / MANIFEST).read_bytes()
        listed = read_manifest(str(version), manifest)
        for name in listed["files"]:
            yield name, verified_content(str(version), (version / name).read_bytes(), listed, name)
    except OSError as error:
        raise RegistryError(
            f"cannot read {version}: {error}; copy the version again", Refusal.UNREACHABLE
        ) from error
    yield MANIFEST, manifest


def _holds(fs: Any, path: str, content: bytes) -> bool:
    try:
        return hashlib.sha256(fs.cat_file(path)).digest() == hashlib.sha256(content).digest()
    except FileNotFoundError:
        return False


def _is_copied(copy: Path, sha256: str | None) -> bool:
    try:
        found = hashlib.sha256((copy / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return False
    return sha256 in (None, found)


def _copy(url: str, copy: Path, manifest: bytes, listed: dict[str, Any]) -> None:
    """Whole or not at all: a kill leaves no half copy under a version's name."""
    with staged_folder(copy) as partial:
        for name in listed["files"]:
            write_synced(partial / name, verified_content(url, _read(url, name), listed, name))
        write_synced(partial / MANIFEST, manifest)
        shutil.rmtree(copy, ignore_errors=True)


def _read(url: str, name: str) -> bytes:
    try:
        fs, path = _place(url)
        return bytes(fs.cat_file(f"{path}/{name}"))
    except Exception as error:
        # Each file system has exceptions of its own.
        raise RegistryError(
            f"cannot read {url}/{name}: {error!r}; is the registry up, and this version in it?",
            Refusal.UNREACHABLE,
        ) from error


def _place(url: str) -> tuple[Any, str]:
    fs, path = fsspec.core.url_to_fs(url)
    return fs, str(path)
