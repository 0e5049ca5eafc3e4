"""What is announced of model versions, read; and what is kept of one that is refused."""

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
    """The announcement. Raises RegistryError, ANNOUNCEMENT."""
    try:
        return msgspec.json.decode(value, type=ModelUpdate)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"the announcement {value[:60]!r} is none: {error}; announce the version again",
            Refusal.ANNOUNCEMENT,
        ) from error
