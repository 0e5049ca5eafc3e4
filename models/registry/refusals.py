"""Reasons for which a model version is refused, each one word: a label of metrics, a field of reports."""

from enum import StrEnum

from models.errors import PathcastError


class Refusal(StrEnum):
    """The reason of a RegistryError."""

    ANNOUNCEMENT = "announcement"
    UNREACHABLE = "unreachable"
    MANIFEST = "manifest"
    KIND = "kind"
    TRUNCATED = "truncated"
    HASH = "hash"
    NEWER = "newer"
    OLDER = "older"
    FEATURES = "features"
    INPUTS = "inputs"
    ACTIONS = "actions"
    SHAPE = "shape"
    NOT_FINITE = "not_finite"
    CONTENT = "content"
    DISK_FULL = "disk_full"
    WARM_UP = "warm_up"
    OTHER = "other"


#: Faults of a copy; another copy of the version may be sound.
COPY_FAULTS = frozenset({Refusal.UNREACHABLE, Refusal.MANIFEST, Refusal.TRUNCATED, Refusal.HASH})
#: Faults that may pass without a new training.
TRANSIENT = frozenset({Refusal.UNREACHABLE, Refusal.DISK_FULL})


class RegistryError(PathcastError):
    """A model version cannot be read, written or used, so the incumbent stays; `refusal` is the reason."""

    def __init__(self, message: str, refusal: Refusal = Refusal.CONTENT) -> None:
        super().__init__(message)
        self.refusal = refusal


class ContentError(ValueError):
    """Wrong content of a version; the loader, which knows the version's name, makes a RegistryError of it."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal
