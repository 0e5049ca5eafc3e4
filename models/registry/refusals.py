"""Why a model version is not used, in one word each: a label of metrics, and what reports name."""

from enum import StrEnum

from models.errors import PathcastError


class Refusal(StrEnum):
    """The reasons; every RegistryError has one."""

    ANNOUNCEMENT = "announcement"
    UNREACHABLE = "unreachable"
    MANIFEST = "manifest"
    TRUNCATED = "truncated"
    HASH = "hash"
    NEWER = "newer"
    OLDER = "older"
    FEATURES = "features"
    SHAPE = "shape"
    NOT_FINITE = "not_finite"
    CONTENT = "content"
    DISK_FULL = "disk_full"
    WARM_UP = "warm_up"
    OTHER = "other"


#: The copy may be at fault, not the version: another one may do.
COPY_FAULTS = frozenset({Refusal.UNREACHABLE, Refusal.MANIFEST, Refusal.TRUNCATED, Refusal.HASH})
#: What may pass without anybody training anything again.
TRANSIENT = frozenset({Refusal.UNREACHABLE, Refusal.DISK_FULL})


class RegistryError(PathcastError):
    """A model version cannot be read, written or used; the incumbent stays. `refusal` is the reason."""

    def __init__(self, message: str, refusal: Refusal = Refusal.CONTENT) -> None:
        super().__init__(message)
        self.refusal = refusal


class ContentError(ValueError):
    """Content of a version that does not fit; becomes a RegistryError where the version's name is known."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal
