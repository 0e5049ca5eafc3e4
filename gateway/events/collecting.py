"""`POST /v1/events`: events in, and their answers out where they are asked for."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.answers.answer_bodies import AcceptedEvents, AnsweredEvents, accepted, answered
from gateway.answers.answer_routes import VisitorKey
from gateway.answers.recent_answers import RecentAnswers
from gateway.events.click_records import ClickReader, ClickRecord, RefusedEvent, refusals
from gateway.events.clicks_writer import ClicksWriter
from gateway.events.event_bodies import events_of
from gateway.events.event_schema import BODY
from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import requires
from gateway.http.parameters import only
from gateway.http.problems import HttpProblem, documented
from gateway.http.request_bodies import body_of, parsed
from gateway.http.token_file import Role
from models.forms.form import Form

#: Most events of a request that may wait for answers.
MOST_ANSWERED = 50
_MAY = Depends(requires(Role.COLLECT, public=True))
_PARAMETERS = Depends(only("answers", "timeout_ms", "token"))
Answers = Annotated[bool, Query(description="`1`: wait for the three committed answers.")]
Timeout = Annotated[
    int | None,
    Query(ge=1, le=60_000, description="Milliseconds to wait for them."),
]


class Collection:
    """Takes bodies of events."""

    def __init__(
        self,
        settings: GatewaySettings,
        reader: ClickReader,
        writer: ClicksWriter,
        recent: RecentAnswers,
        visitor_key: VisitorKey,
        metrics: GatewayMetrics,
        form: Form | None = None,
    ) -> None:
        self._settings, self._reader, self._writer, self._recent = settings, reader, writer, recent
        self._visitor_key, self._metrics, self._form = visitor_key, metrics, form

    def read(self, body: bytes) -> list[ClickRecord]:
        """The records of a body: all of its events, or none. Raises HttpProblem (400, 413, 422)."""
        value = parsed(body, self._settings.max_depth)
        events = events_of(value, self._settings.max_events, self._form)
        now = int(time.time() * 1000)
        found = [self._reader.record(event, now) for event in events]
        if refused := refusals(found):
            self._metrics.events.labels("refused").inc(len(refused))
            told = f"{len(refused)} of {len(found)} events do not fit, and none was taken: see details"
            raise HttpProblem(422, "invalid", told, refused)
        return [one for one in found if not isinstance(one, RefusedEvent)]

    async def write(self, records: Sequence[ClickRecord]) -> Response:
        """Answer once the events are on the topic."""
        await self._writer.write(records)
        return accepted([one.event_id for one in records])

    async def answer(self, records: Sequence[ClickRecord], timeout_ms: int | None) -> Response:
        """Answer once the events are on the topic and answered, or their time is over."""
        if len(records) > MOST_ANSWERED:
            told = f"{len(records)} events ask for answers, expected at most {MOST_ANSWERED}: send fewer"
            raise HttpProblem(413, "too_many", told)
        event_ids = [one.event_id for one in records]
        keys = {one.event_id: self._visitor_key(one.key) for one in records}
        _check_ids(records)
        seconds = (timeout_ms or self._settings.answers_timeout_ms) / 1000
        # Answers may be there before the acknowledgement, so the wait begins first.
        waiting = asyncio.create_task(self._recent.wait(event_ids, keys, seconds))
        try:
            await self._writer.write(records)
            await waiting
        finally:
            waiting.cancel()
        entries = {one: self._recent.of(one, keys[one]) for one in event_ids}
        found = {one: entry for one, entry in entries.items() if entry is not None and entry.complete}
        self._metrics.answered.labels("complete" if len(found) == len(entries) else "late").inc()
        return answered(event_ids, found)


def _check_ids(records: Sequence[ClickRecord]) -> None:
    """Raises HttpProblem (422) where two visitors have one event id: answers are told by it."""
    visitors: dict[str, bytes] = {}
    for number, one in enumerate(records):
        if visitors.setdefault(one.event_id, one.key) != one.key:
            told = "the event has the id of another visitor's event, expected an id of its own"
            detail = {"at": f"events[{number}]", "field": "event_id", "message": told}
            raise HttpProblem(422, "invalid", f"events[{number}]: {told}", [detail])


def collection_routes(collection: Collection, settings: GatewaySettings) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["events"], dependencies=[_MAY, _PARAMETERS])

    @router.post(
        "/v1/events",
        response_model=AcceptedEvents | AnsweredEvents,
        responses={
            202: {
                "model": AnsweredEvents,
                "description": "On the topic; answers are missing.",
            },
            **documented(400, 401, 403, 408, 413, 415, 422, 429, 503),
        },
        openapi_extra={"requestBody": BODY},
    )
    async def collect(request: Request, answers: Answers = False, timeout_ms: Timeout = None) -> Response:
        """Write one event, or an array of events, to `clicks`: all of them, or none.

        Events have the contract's form, or that of GA4's Measurement Protocol, Segment, RudderStack or
        Snowplow. A 2xx means that all are on the topic.
        """
        records = collection.read(await body_of(request, settings))
        return await (collection.answer(records, timeout_ms) if answers else collection.write(records))

    return router
