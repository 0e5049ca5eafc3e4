"""Announcements of versions: which key names what, and decoding.

Keys with a colon name a kind of version; a worker that does not know the kind leaves them alone. A key
without one is a network's, whatever its name.
"""

from collections.abc import Iterable

import msgspec

from models.contract.updates import POLICY_KEY, SHADOW, ModelUpdate
from models.registry.refusals import Refusal, RegistryError
from streams.transport.broadcast import Pairs

_SHADOW, _POLICY = SHADOW.encode(), POLICY_KEY.encode()


def read(value: bytes) -> ModelUpdate:
    """Decode an announcement. Raises RegistryError with the refusal ANNOUNCEMENT."""
    try:
        return msgspec.json.decode(value, type=ModelUpdate)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"the announcement {value[:60]!r} cannot be decoded: {error}; announce the version again",
            Refusal.ANNOUNCEMENT,
        ) from error


def networks(pairs: Pairs) -> list[bytes]:
    """Announcements of networks that are to answer; tombstones are left out."""
    return [
        value for key, value in pairs if value is not None and key != _SHADOW and b":" not in (key or b"")
    ]


def trials(pairs: Pairs) -> list[bytes | None]:
    """Announcements of networks to compare; None ends a comparison."""
    return [value for key, value in pairs if key == _SHADOW]


def policies(pairs: Pairs) -> dict[str, list[bytes | None]]:
    """Announcements of policies by placement; None withdraws the policy."""
    found: dict[str, list[bytes | None]] = {}
    for key, value in _of_policies(pairs):
        found.setdefault(key.removeprefix(_POLICY).decode(errors="replace"), []).append(value)
    return found


def _of_policies(pairs: Pairs) -> Iterable[tuple[bytes, bytes | None]]:
    return ((key, value) for key, value in pairs if key is not None and key.startswith(_POLICY))
