"""Reads and checks a version's manifest, and checks files against it."""

import hashlib
import json
from typing import Any, Final

from models.features.features import FEATURES_VERSION
from models.registry.refusals import Refusal, RegistryError
from models.registry.version_files import MANIFEST, VersionKind
from models.registry.versions import FORMAT

#: The format of each kind of version that this program reads and writes.
FORMATS: Final = {VersionKind.NETWORK: FORMAT, VersionKind.POLICY: 1}
#: Required fields besides format and files.
_NAMED = {"version", "digest", "created_at"}


def read_manifest(
    where: str, manifest: bytes, sha256: str | None = None, kind: VersionKind | None = None
) -> dict[str, Any]:
    """The fields of the manifest of the version at `where`; `sha256` is its announced digest.

    `kind` is what is expected, None: any. Raises RegistryError with refusal HASH, MANIFEST, KIND, NEWER,
    OLDER or FEATURES.
    """
    if sha256 not in (None, hashlib.sha256(manifest).hexdigest()):
        raise RegistryError(
            f"{where}/{MANIFEST} is not the manifest that was announced; copy the version again", Refusal.HASH
        )
    try:
        found = dict(json.loads(manifest))
        made_for = int(found["format"]), str(found["features_version"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RegistryError(
            f"{where}/{MANIFEST} is unreadable ({error!r}); copy the version again", Refusal.MANIFEST
        ) from error
    _check_made_for(where, _kind_of(where, found, kind), *made_for)
    if not (found.keys() >= _NAMED and _plain(found.get("files")) and _plain(found.setdefault("sizes", {}))):
        raise RegistryError(f"{where}/{MANIFEST} is incomplete; copy the version again", Refusal.MANIFEST)
    return found


def _kind_of(where: str, found: dict[str, Any], expected: VersionKind | None) -> VersionKind:
    named = found.get("kind", VersionKind.NETWORK)
    if not isinstance(named, str) or named not in set(VersionKind):
        raise RegistryError(
            f"{where} is a version of kind {named!r}, expected one of {', '.join(VersionKind)}; it is of a "
            "newer program: update this one",
            Refusal.NEWER,
        )
    if expected not in (None, named):
        raise RegistryError(
            f"{where} is a {named}, expected a {expected}; name one of that kind (`pathcast models list`)",
            Refusal.KIND,
        )
    return VersionKind(named)


def _check_made_for(where: str, kind: VersionKind, form: int, features: str) -> None:
    """A policy that reads no feature names no definitions of them."""
    fits = features == FEATURES_VERSION or (kind is VersionKind.POLICY and not features)
    if form != FORMATS[kind] or not fits:
        raise _foreign(where, FORMATS[kind], form, features)


def verified_content(where: str, content: bytes, manifest: dict[str, Any], name: str) -> bytes:
    """The content of the file `name`, checked. Raises RegistryError with refusal TRUNCATED or HASH."""
    size, expected = manifest["sizes"].get(name, 0), manifest["files"].get(name)
    if len(content) < size:
        raise RegistryError(
            f"{where}/{name} has {len(content)} bytes, its manifest says {size}; copy the version again",
            Refusal.TRUNCATED,
        )
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RegistryError(
            f"{where}/{name} has SHA-256 {found}, its manifest says {expected}; copy the version again",
            Refusal.HASH,
        )
    return content


def _plain(files: Any) -> bool:
    """Whether these are files by name, of which none lies outside the version's folder."""
    return isinstance(files, dict) and not any("/" in name or name[:1] == "." for name in files)


def _foreign(where: str, wanted: int, form: int, features: str) -> RegistryError:
    found = f"{where} has format {form} with features {features}"
    expected = f"expected format {wanted} with features {FEATURES_VERSION}"
    if form > wanted:
        return RegistryError(f"{found}, {expected}; it is of a newer program: update this one", Refusal.NEWER)
    refusal = Refusal.OLDER if form < wanted else Refusal.FEATURES
    return RegistryError(f"{found}, {expected}; train it again", refusal)
