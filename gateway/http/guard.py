"""Who may call what: tokens, roles, rates."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.gateway_settings import GatewaySettings
from gateway.http import token_file
from gateway.http.problems import HttpProblem, later
from gateway.http.rate_limits import RateLimits
from gateway.http.token_file import LOCAL, Caller, Role, TokenEntry, TokenFileError
from streams.constraints.watched_file import WatchedFile

log = structlog.get_logger("pathcast.gateway")
_bearer = HTTPBearer(auto_error=False, description="A token that `pathcast gateway token` has made.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
#: Roles of a token that may stand in an address, where browsers cannot send headers (`sendBeacon`).
_PUBLIC = frozenset({Role.COLLECT})


class TokenGuard:
    """Knows the tokens. `look` rereads their file; a wrong one is refused and the entries before stay."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._entries: Sequence[TokenEntry] | None = None
        self._file: WatchedFile | None = None
        self._rates = RateLimits(settings.requests_per_second)
        self._origins = frozenset(settings.origins)
        if settings.tokens is not None:
            text = _text(settings.tokens)
            self._entries = token_file.parse(text)
            self._file = WatchedFile(settings.tokens, text)
        elif not settings.loopback:
            raise TokenFileError(
                f"PATHCAST_GATEWAY_HOST is {settings.host}, which others can reach, but "
                "PATHCAST_GATEWAY_TOKENS is not set: make a token (pathcast gateway token) and name its file"
            )

    def look(self) -> None:
        """Take the file's entries if it has changed."""
        try:
            text = self._file.changed() if self._file else None
            if text is not None:
                self._entries = token_file.parse(text)
                log.info("tokens read", tokens=len(self._entries))
        except (OSError, UnicodeDecodeError, TokenFileError) as error:
            log.error("the file of tokens is refused, the former entries stay", reason=str(error))

    def identify(self, token: str) -> Caller:
        """The caller who has a token. Raises HttpProblem (401)."""
        entry = token_file.find(self._entries or (), token)
        if entry is None or token_file.expired(entry):
            told = "is not known" if entry is None else "has expired"
            raise _unauthorised(f"the token {told}: ask for a new one (pathcast gateway token)")
        return Caller(entry.name, frozenset(entry.roles), entry.requests_per_second)

    def caller(self, request: Request, token: str | None, public: str | None = None) -> Caller:
        """Who sends a request; `public` is a token in its address. Raises HttpProblem (401, 429)."""
        found = self.known(request, token, public)
        if seconds := self._rates.wait(found.name, found.rate):
            raise later(429, "rate", f"more requests than {found.name} may send: wait {seconds} s", seconds)
        return found

    def known(self, request: Request, token: str | None, public: str | None = None) -> Caller:
        """As `caller`, without taking from the caller's rate. Raises HttpProblem (401)."""
        if self._entries is None:
            self._check_local(request)
            return LOCAL
        if token is not None:
            return self.identify(token)
        if public is not None:
            return self._public(public)
        raise _unauthorised("no token was given, expected the header `Authorization: Bearer TOKEN`")

    def _public(self, token: str) -> Caller:
        found = self.identify(token)
        if not found.roles <= _PUBLIC:
            raise _unauthorised("a token in an address may only have the role collect: send it as a header")
        return found

    def _check_local(self, request: Request) -> None:
        """Without tokens only programs of this machine may call, no pages of other sites."""
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        origin = request.headers.get("origin")
        peer = request.client.host if request.client else ""
        own = origin is None or origin in self._origins or urlsplit(origin).hostname == host
        if not (_loopback(peer) and _loopback(host) and own):
            raise _unauthorised("without PATHCAST_GATEWAY_TOKENS only programs on this machine may call")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _text(path: Path) -> str:
    try:
        return path.expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenFileError(f"cannot read PATHCAST_GATEWAY_TOKENS {path}: {error}") from error


def _unauthorised(message: str) -> HttpProblem:
    return HttpProblem(401, "unauthorised", message, headers={"WWW-Authenticate": "Bearer"})


def guard_of(request: Request) -> TokenGuard:
    """The application's guard."""
    found: TokenGuard = request.app.state.guard
    return found


def requires(*roles: Role, public: bool = False) -> Callable[..., Caller]:
    """A dependency: the caller, who has one of the roles. Raises HttpProblem (401, 403, 429).

    With `public`, the address may hold the token of a page, as the parameter `token`.
    """

    async def check(request: Request, credentials: Credentials) -> Caller:
        token = credentials.credentials if credentials else None
        address = request.query_params.get("token") if public else None
        found = guard_of(request).caller(request, token, address)
        request.state.caller = found.name
        if not found.roles & set(roles):
            wanted = " or ".join(roles)
            held = ", ".join(sorted(found.roles))
            raise HttpProblem(403, "forbidden", f"the token has {held}, expected the role {wanted}")
        return found

    return check  # type: ignore[return-value]
