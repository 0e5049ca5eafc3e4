"""Announcements of model versions: decoding, and the record of a refused one."""

from dataclasses import dataclass

import msgspec

from models.contract.updates import ModelUpdate
from models.registry.refusals import Refusal, RegistryError


@dataclass(frozen=True, slots=True)
class RefusedVersion:
    """An announcement not followed; `at` is epoch ms, `incumbent` what serves on ("none": no model)."""

    version: str
    refusal: Refusal
    message: str
    at: int
    incumbent: str


def read(value: bytes) -> ModelUpdate:
    """Decode an announcement. Raises RegistryError with the refusal ANNOUNCEMENT."""
    try:
        return msgspec.json.decode(value, type=ModelUpdate)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"the announcement {value[:60]!r} cannot be decoded: {error}; announce the version again",
            Refusal.ANNOUNCEMENT,
        ) from error
