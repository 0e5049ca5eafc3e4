"""Make a token: its text for the caller, its hash for the file."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe

from gateway.http import token_file
from gateway.http.token_file import Role, TokenFileError
from models.durable_files import replace_file


def added(path: Path, name: str, roles: Sequence[Role], days: float, rate: float | None) -> str:
    """A new token, whose hash is added to the file. Raises TokenFileError."""
    token, expires = token_urlsafe(32), datetime.now(UTC) + timedelta(days=days)
    try:
        before = path.read_text() if path.exists() else ""
        text = before.rstrip("\n") + "\n\n" if before.strip() else ""
        text += token_file.line(name, token, roles, expires, requests_per_second=rate)
        token_file.parse(text)
        replace_file(path, text.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise TokenFileError(f"cannot write {path}: {error}; name a file in a folder that exists") from error
    return token
