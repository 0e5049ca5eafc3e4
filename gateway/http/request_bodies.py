"""Read a request's body within limits of size, time and depth."""

import asyncio
from typing import Any, Final

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from gateway.gateway_settings import GatewaySettings
from gateway.http.problems import HttpProblem

#: `sendBeacon` and form-less `fetch` send text, which needs no permission from another origin.
_TYPES: Final = ("application/json", "text/plain", "")
#: A body of up to so many times the limit is read to its end before it is refused.
DISCARDED: Final = 32
#: No length of a body has as many.
_DIGITS: Final = 20
_decode = msgspec.json.Decoder().decode


async def body_of(request: Request, settings: GatewaySettings) -> bytes:
    """The body. Raises HttpProblem (400, 408, 413, 415)."""
    _check_type(request)
    most = settings.max_body_bytes
    length = request.headers.get("content-length", "0")
    told_size = int(length) if length.isdecimal() and len(length) < _DIGITS else 0
    found, size = list[bytes](), 0
    try:
        async with asyncio.timeout(settings.request_seconds):
            async for piece in request.stream():
                size += len(piece)
                # A client that is still sending would not read the refusal: a large body is read, not kept.
                if size > DISCARDED * most:
                    break
                if max(size, told_size) > most:
                    found.clear()
                else:
                    found.append(piece)
    except TimeoutError:
        told = f"the body did not arrive within {settings.request_seconds:g} s: send it at once"
        raise HttpProblem(408, "slow", told, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HttpProblem(400, "cut", "the connection ended before the body did: send it again") from None
    if max(size, told_size) > most:
        raise _too_large(max(size, told_size), most)
    return b"".join(found)


def _check_type(request: Request) -> None:
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in _TYPES:
        told = "the body is of another type, expected application/json (or text/plain) in UTF-8"
        raise HttpProblem(415, "type", told)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpProblem(
            415, "encoding", "the body is compressed, expected it plain: leave content-encoding out"
        )


def _too_large(size: int, most: int) -> HttpProblem:
    told = f"the body has {size} bytes or more, expected at most {most}: send several smaller requests"
    return HttpProblem(413, "too_large", told, headers={"Connection": "close"})


def parsed(body: bytes, most_levels: int) -> Any:
    """The JSON value of a body. Raises HttpProblem (400)."""
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep(most_levels) from None
    except (ValueError, UnicodeDecodeError) as error:
        told = f"the body is no JSON ({str(error)[:80]}): send an event, or an array of events, in UTF-8"
        raise HttpProblem(400, "malformed", told) from None
    if _exceeds(value, most_levels):
        raise _too_deep(most_levels)
    return value


def _exceeds(value: Any, levels: int) -> bool:
    """Whether a value has more levels of objects and arrays."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_exceeds(one, levels - 1) for one in inner)


def _too_deep(most: int) -> HttpProblem:
    told = (
        f"the body has more than {most} levels of objects and arrays, expected an event, or an array of them"
    )
    return HttpProblem(400, "too_deep", told)
