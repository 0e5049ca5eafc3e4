"""Tokens for SASL OAUTHBEARER: from a file, from an OAuth server, or signed for Amazon MSK.

The clients ask for a token at every connection; a token is kept until four fifths of its life have passed.
"""

import importlib.util
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from models.errors import PathcastError

#: The package that signs for MSK, and the extra of Pathcast that installs it.
SIGNER, EXTRA = "aws_msk_iam_sasl_signer", "msk"
_PATIENCE: Final = 10.0
_FRESH = 0.8


class TokenError(PathcastError):
    """There is no token for SASL."""


class Token(NamedTuple):
    """A token and how long it holds, in seconds from when it was made."""

    text: str
    seconds: float


#: Makes a new token. Raises TokenError.
Source = Callable[[], Token]


def from_file(file: Path) -> Source:
    """Reads the file each time: whoever writes it (Kubernetes, an agent) renews it."""

    def read() -> Token:
        try:
            return Token(file.read_text().strip(), 0)
        except OSError as error:
            raise TokenError(
                f"cannot read KAFKA_SASL_OAUTH_TOKEN_FILE {file}: {error.strerror}; name a file with a token"
            ) from error

    return read


def from_server(url: str, client_id: str, secret: str, scope: str | None) -> Source:
    """Asks an OAuth server by client id and secret (the client credentials grant, RFC 6749)."""
    fields = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
    named = ":".join(map(urllib.parse.quote_plus, (client_id, secret)))
    headers = {"Authorization": f"Basic {b64encode(named.encode()).decode()}", "Accept": "application/json"}

    def ask() -> Token:
        request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
                found = json.load(answer)
            return Token(str(found["access_token"]), float(found.get("expires_in", 0)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TokenError(
                f"no token from KAFKA_SASL_OAUTH_TOKEN_URL {url} ({type(error).__name__}: {error}): expected "
                "JSON with access_token; check the URL, KAFKA_SASL_OAUTH_CLIENT_ID and _CLIENT_SECRET"
            ) from error

    return ask


def has_signer() -> bool:
    """Whether the package that signs for MSK is installed."""
    return importlib.util.find_spec(SIGNER) is not None


def for_msk(region: str) -> Source:
    """Signs by the AWS credentials of the environment, as `aws_msk_iam_sasl_signer` finds them."""

    def sign() -> Token:
        signer: Any = importlib.import_module(SIGNER)
        try:
            text, until = signer.MSKAuthTokenProvider.generate_auth_token(region)
        except Exception as error:
            raise TokenError(
                f"no AWS credentials for MSK in {region} ({type(error).__name__}: {error}): set AWS_PROFILE "
                "or AWS_ACCESS_KEY_ID, or give the machine a role"
            ) from error
        return Token(text, until / 1000 - time.time())

    return sign


class KeptToken:
    """The latest token of a source."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._text, self._until = "", 0.0

    def text(self) -> str:
        """A token that holds. Raises TokenError."""
        now = self._clock()
        if now >= self._until:
            token = self._source()
            self._text, self._until = token.text, now + _FRESH * token.seconds
        return self._text
