"""`POST /v1/predict`: a visitor's path in, the three answers out; nothing is stored."""

import time

from fastapi import APIRouter, Depends, Request, Response

from gateway.answers.answer_bodies import ThreeAnswers
from gateway.events.click_records import ClickReader, ClickRecord, RefusedEvent, refusals
from gateway.events.event_bodies import events_of
from gateway.events.event_schema import BODY
from gateway.gateway_settings import GatewaySettings
from gateway.http.guard import requires
from gateway.http.parameters import only
from gateway.http.problems import HttpProblem, documented, later
from gateway.http.request_bodies import body_of, parsed
from gateway.http.token_file import Role
from gateway.predictions.predictor import PredictionsBusy, Predictor
from models.forms.form import Form


def predict_routes(
    predictor: Predictor, reader: ClickReader, settings: GatewaySettings, form: Form | None = None
) -> APIRouter:
    """The route; `reader` reads events of any age, `form` is that of all events, where it is fixed."""
    router = APIRouter(tags=["predictions"], dependencies=[Depends(requires(Role.READ)), Depends(only())])

    @router.post(
        "/v1/predict",
        response_model=ThreeAnswers,
        responses=documented(400, 401, 403, 408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": BODY},
    )
    async def predict(request: Request) -> Response:
        """The answers to the last event of one visitor's path, by the model that workers use.

        The path is all that is known of the visitor; of the shop, what the model has learned. Nothing is
        stored or counted, and actions with a budget are withheld.
        """
        events = events_of(
            parsed(await body_of(request, settings), settings.max_depth), settings.max_events, form
        )
        now = int(time.time() * 1000)
        found = [reader.record(event, now) for event in events]
        if refused := refusals(found):
            raise HttpProblem(422, "invalid", f"{len(refused)} of {len(found)} events do not fit", refused)
        records = [one for one in found if not isinstance(one, RefusedEvent)]
        _check_path(records)
        try:
            told = await predictor.predict(records)
        except PredictionsBusy:
            raise later(429, "busy", "too many predictions wait: ask again in a second") from None
        if told.answers is None:
            reasons = "; ".join(told.refused) or "no reason is known"
            raise HttpProblem(422, "unanswered", f"the last event is not answered: {reasons}"[:500])
        return Response(told.answers.told(), media_type="application/json")

    return router


_ANOTHER = "the visitor is another than that of the first event, expected one visitor's path"
_REPEATED = "the event repeats the id of one before it, expected each event once"


def _check_path(records: list[ClickRecord]) -> None:
    """Raises HttpProblem (422) unless all are of one visitor and none occurs twice."""
    seen = set[str]()
    for number, one in enumerate(records):
        another = one.key != records[0].key
        if another or one.event_id in seen:
            field, told = ("visitor_id", _ANOTHER) if another else ("event_id", _REPEATED)
            detail = {"at": f"events[{number}]", "field": field, "message": told}
            raise HttpProblem(422, "invalid", f"events[{number}]: {told}", [detail])
        seen.add(one.event_id)
