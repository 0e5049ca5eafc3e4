"""`GET /v1/answers/{event_id}`: the answers to an event that was sent before."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from gateway.answers.answer_bodies import ThreeAnswers
from gateway.answers.recent_answers import RecentAnswers
from gateway.http.guard import requires
from gateway.http.parameters import only
from gateway.http.problems import HttpProblem, documented
from gateway.http.token_file import Caller, Role
from models.contract.events import ID_CHARS

#: The key of a visitor's answers: the id, or its pseudonym.
VisitorKey = Callable[[bytes], bytes]
EventId = Annotated[str, Path(min_length=1, max_length=ID_CHARS, description="The event's id.")]
VisitorId = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=ID_CHARS,
        description="The event's visitor; needed with a token that has not the role `read`.",
    ),
]
_UNNAMED = "without the role read, visitor_id must name the event's visitor"
_NOTHING = (
    "no answers to this event are kept: it is not answered yet, a repeat, refused, or too old, or its id is "
    "not of one visitor alone: then say whose by visitor_id"
)
_MAY = Depends(requires(Role.READ, Role.COLLECT))
Asking = Annotated[Caller, _MAY]


def answer_routes(recent: RecentAnswers, visitor_key: VisitorKey) -> APIRouter:
    """The route; `visitor_key` gives the key of a visitor's answers."""
    router = APIRouter(tags=["answers"], dependencies=[_MAY, Depends(only("visitor_id"))])

    @router.get(
        "/v1/answers/{event_id:path}",
        response_model=ThreeAnswers,
        responses=documented(401, 403, 404, 422, 429),
    )
    async def answers_to(event_id: EventId, caller: Asking, visitor_id: VisitorId = None) -> Response:
        """The answers to an event, for some minutes after it."""
        if visitor_id is None and Role.READ not in caller.roles:
            raise HttpProblem(403, "forbidden", _UNNAMED)
        key = None if visitor_id is None else visitor_key(visitor_id.encode(errors="replace"))
        entry = recent.of(event_id, key)
        if entry is None or not entry.complete:
            raise HttpProblem(404, "not_found", _NOTHING)
        return Response(entry.told(), media_type="application/json")

    return router
