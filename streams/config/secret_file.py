"""Read secrets from files, so that no environment, argument list or log shows them."""

from pathlib import Path

from models.contract import pseudonyms as hidden
from models.contract.pseudonyms import Pseudonyms
from models.privacy import envelope
from models.privacy.envelope import Envelopes
from streams.errors import SetUpError

_PSEUDONYMS, _ENVELOPES = "PATHCAST_PSEUDONYM_KEY_FILE", "PATHCAST_ENVELOPE_KEY_FILE"


def pseudonyms(file: Path | None) -> Pseudonyms | None:
    """Pseudonyms by the secret in this file, stripped; None without a file. Raises SetUpError."""
    if file is None:
        return None
    return Pseudonyms(_secret(file, _PSEUDONYMS, hidden.LEAST_BYTES, "makes every visitor appear new"))


def envelopes(file: Path | None) -> Envelopes | None:
    """Envelopes by the master secret in this file; None without a file. Raises SetUpError."""
    if file is None:
        return None
    return Envelopes(
        _secret(file, _ENVELOPES, envelope.LEAST_BYTES, "cannot open the answers that are sealed with it")
    )


def _secret(file: Path, variable: str, least: int, another: str) -> bytes:
    """The secret; `another` says in the error message what a different secret does."""
    try:
        secret = file.expanduser().read_bytes().strip()
    except OSError as error:
        raise SetUpError(
            f"cannot read {variable} {file}: {error.strerror or type(error).__name__}; name a file with a "
            f"secret of at least {least} bytes, the same for workers, trainer and commands"
        ) from None
    if len(secret) < least:
        raise SetUpError(
            f"{variable} {file} holds {len(secret)} bytes, expected at least {least}: write one with "
            f"`openssl rand -base64 48`, and keep it, since another one {another}"
        )
    return secret
