"""The error of a learned policy that cannot be used."""

from models.errors import PathcastError


class LearnedPolicyError(PathcastError):
    """A learned policy's files, its columns or its actions do not fit; says what to do.

    `reason` is one word of `models.registry.refusals.Refusal`.
    """

    def __init__(self, message: str, reason: str = "content") -> None:
        super().__init__(message)
        self.reason = reason
