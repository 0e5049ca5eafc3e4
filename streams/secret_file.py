"""Secrets come from files, so that no environment, argument list or log shows them."""

from pathlib import Path

from models.pseudonyms import LEAST_BYTES, Pseudonyms
from streams.errors import SetUpError

_VARIABLE = "PATHCAST_PSEUDONYM_KEY_FILE"


def pseudonyms(file: Path | None) -> Pseudonyms | None:
    """By the secret in this file, without white space at its ends; None without a file. Raises SetUpError."""
    if file is None:
        return None
    try:
        secret = file.expanduser().read_bytes().strip()
    except OSError as error:
        raise SetUpError(
            f"cannot read {_VARIABLE} {file}: {error.strerror or type(error).__name__}; name a file with a "
            f"secret of at least {LEAST_BYTES} bytes, the same for workers, trainer and commands"
        ) from None
    if len(secret) < LEAST_BYTES:
        raise SetUpError(
            f"{_VARIABLE} {file} holds {len(secret)} bytes, expected at least {LEAST_BYTES}: write one with "
            "`openssl rand -base64 48`, and keep it, since another one makes unknown visitors of all"
        )
    return Pseudonyms(secret)
