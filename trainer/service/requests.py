"""Asking the trainer for a run: a note beside the event log, wherever that is.

So whoever sees a reason (an operator, a drift alarm) need not reach the process, and none is lost while it
is down.
"""

import secrets

import msgspec
import structlog

from trainer.eventlog.log import EventLog

FOLDER = "_requests"
log = structlog.get_logger("pathcast.trainer")


class Request(msgspec.Struct, frozen=True):
    """Who asks for a run, why, and since when (epoch ms)."""

    by: str
    reason: str
    at: int


def ask(to: EventLog, request: Request) -> str:
    """Leave a request; its name. Raises EventLogError."""
    name = f"{request.at:015}-{secrets.token_hex(4)}.json"
    to.place.write(f"{FOLDER}/{name}", msgspec.json.encode(request))
    return name


def asked(of: EventLog) -> dict[str, Request]:
    """The requests that no run has answered, by name, oldest first. Raises EventLogError."""
    found = {}
    for name in of.place.names(FOLDER):
        try:
            found[name] = msgspec.json.decode(of.place.read(f"{FOLDER}/{name}"), type=Request)
        except FileNotFoundError:
            continue
        except msgspec.DecodeError as error:
            log.warning("request left out", file=name, reason=str(error))
    return found


def answered(of: EventLog, names: list[str]) -> None:
    """Remove requests. Raises EventLogError."""
    for name in names:
        of.place.remove(f"{FOLDER}/{name}")
