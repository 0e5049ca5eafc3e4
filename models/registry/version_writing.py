"""Write the folder of a version: whole or not at all, with a manifest of SHA-256 digests."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.durable_files import staged_folder, write_synced
from models.registry.remote import unwritable
from models.registry.version_files import MANIFEST


def write_version(
    directory: Path, contents: Mapping[str, bytes], created_at: int, facts: Mapping[str, Any]
) -> str:
    """Write files made at `created_at` (epoch ms) into a folder under `directory`; returns its name.

    `facts` are further fields of the manifest. Names sort by time, and the same content has the same name.
    Raises RegistryError where the disk refuses.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    version = f"{datetime.fromtimestamp(created_at / 1000, UTC):%Y%m%dT%H%M%S}-{digest[:12]}"
    manifest = {
        "version": version,
        "digest": digest,
        **facts,
        "created_at": created_at,
        "files": digests,
        "sizes": {name: len(content) for name, content in contents.items()},
    }
    try:
        _write(directory, version, {**contents, MANIFEST: as_json(manifest)})
    except OSError as error:
        raise unwritable(directory / version, error) from error
    return version


def as_json(value: Any) -> bytes:
    """JSON for files that people read as well."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _write(directory: Path, version: str, contents: Mapping[str, bytes]) -> None:
    """Whole or not at all: a reader never sees half a version."""
    if (directory / version).exists():
        return
    with staged_folder(directory / version) as partial:
        for name, content in contents.items():
            write_synced(partial / name, content)
        partial.chmod(0o755)
