"""Requests for a run, stored as files beside the event log.

Whoever has a reason (an operator, a drift alarm) need not reach the trainer, and no request is lost while it
is down.
"""

import secrets

import msgspec
import structlog

from trainer.eventlog.log import EventLog

FOLDER = "_requests"
log = structlog.get_logger("pathcast.trainer")


class Request(msgspec.Struct, frozen=True):
    """Who requests a run, why, and when (epoch ms)."""

    by: str
    reason: str
    at: int


def ask(to: EventLog, request: Request) -> str:
    """Store a request; returns its name. Raises EventLogError."""
    name = f"{request.at:015}-{secrets.token_hex(4)}.json"
    to.place.write(f"{FOLDER}/{name}", msgspec.json.encode(request))
    return name


def asked(of: EventLog) -> dict[str, Request]:
    """The unanswered requests by name, oldest first. Raises EventLogError."""
    requests = {}
    for name in of.place.names(FOLDER):
        try:
            requests[name] = msgspec.json.decode(of.place.read(f"{FOLDER}/{name}"), type=Request)
        except FileNotFoundError:
            continue
        except msgspec.DecodeError as error:
            log.warning("request ignored: it cannot be read", file=name, reason=str(error))
    return requests


def answered(of: EventLog, names: list[str]) -> None:
    """Remove requests that a run has answered. Raises EventLogError."""
    for name in names:
        of.place.remove(f"{FOLDER}/{name}")
