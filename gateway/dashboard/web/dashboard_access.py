"""Who looks at the dashboard: the token is in a browser's cookie, in a header, or not needed."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.requests import ClientDisconnect

from gateway.http.guard import TokenGuard
from gateway.http.problems import HttpProblem
from gateway.http.token_file import Caller, Role

COOKIE: Final = "pathcast"
#: Seconds after which one has to sign in again.
SIGNED_IN_SECONDS: Final = 12 * 3600
#: Bytes of a form; the forms of the dashboard are far smaller.
MOST_FORM_BYTES: Final = 8 << 10
#: Seconds in which a form must have arrived: a slow one must not hold a connection.
FORM_SECONDS: Final = 10.0


def viewer(guard: TokenGuard, request: Request, role: Role = Role.READ) -> Caller:
    """Who sends a request, who has the role. Raises HttpProblem (401, 403, 429)."""
    found = guard.caller(request, _token(request))
    request.state.caller = found.name
    if role not in found.roles:
        held = ", ".join(sorted(found.roles))
        raise HttpProblem(403, "forbidden", f"the token has {held}, expected the role {role}")
    return found


def still_looks(guard: TokenGuard, request: Request, caller: Caller) -> bool:
    """Whether a request's token still is what it was: neither revoked, nor expired, nor of other roles."""
    try:
        return guard.known(request, _token(request)) == caller
    except HttpProblem:
        return False


def _token(request: Request) -> str | None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given if scheme.lower() == "bearer" and given else cookie_token(request)


def cookie_token(request: Request) -> str | None:
    """The token of the cookie; None without one."""
    return request.cookies.get(COOKIE) or None


async def form(request: Request) -> dict[str, str]:
    """The fields of a form that a page of the dashboard sent.

    Raises HttpProblem (400, 403, 408, 413, 422).
    """
    _check_origin(request)
    try:
        async with asyncio.timeout(FORM_SECONDS):
            content = await _content(request)
    except TimeoutError:
        told = f"the form did not arrive within {FORM_SECONDS:g} s: send it at once"
        raise HttpProblem(408, "slow", told, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HttpProblem(400, "cut", "the connection ended before the form did: send it again") from None
    try:
        return dict(parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=20))
    except (UnicodeDecodeError, ValueError) as error:
        raise HttpProblem(422, "invalid", "the body is no form, as this dashboard's pages send it") from error


async def _content(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_FORM_BYTES:
            told = f"the form is larger than {MOST_FORM_BYTES} bytes: send less"
            raise HttpProblem(413, "too_large", told, headers={"Connection": "close"})
    return content


def _check_origin(request: Request) -> None:
    """Browsers tell whose page sends a form: no other site's may act with this browser's cookie."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HttpProblem(
            403, "forbidden", "the form was sent by a page of another site: use the dashboard's own"
        )
