"""What the trainer says on `model-updates` when a model has been promoted."""

from typing import Annotated

import msgspec
from msgspec import Meta


class ModelUpdate(msgspec.Struct, kw_only=True, frozen=True):
    """A promoted model: which version, where it is, and how to know that it is whole."""

    version: Annotated[
        str, Meta(min_length=1, description="Its folder's name in the registry; sorts by time.")
    ]
    path: Annotated[
        str, Meta(description="Where the trainer wrote it; a worker looks in its own registry first.")
    ] = ""
    sha256: Annotated[str | None, Meta(description="SHA-256 of the version's manifest.json, hex.")] = None
    features_version: Annotated[str, Meta(description="Digest of the feature definitions it needs.")] = ""
    created_at: Annotated[int, Meta(description="When it was made, epoch milliseconds.")] = 0
