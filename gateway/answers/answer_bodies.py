"""What the gateway says of events and their answers: the bodies, and their description for OpenAPI."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Response
from pydantic import BaseModel, Field

from gateway.answers.recent_answers import EventAnswers

_encode = msgspec.json.Encoder().encode


class ThreeAnswers(BaseModel):
    """The committed answers to one event, in the form of their topics (docs/contract)."""

    purchase_intent: dict[str, Any] | None = Field(default=None, description="The record of purchase-intent.")
    recommendations: dict[str, Any] | None = Field(default=None, description="The record of recommendations.")
    ad_decisions: list[dict[str, Any]] = Field(default=[], description="A record for each placement.")


class AcceptedEvents(BaseModel):
    """Events that are on the topic."""

    event_ids: list[str] = Field(description="Ids of the events, in their order, new ones among them.")


class AnsweredEvents(AcceptedEvents):
    """Events that are on the topic, and the answers that have come."""

    answers: dict[str, ThreeAnswers] = Field(description="By event id. Events without answers are left out.")


def accepted(event_ids: Sequence[str]) -> Response:
    """All events are on the topic."""
    return Response(_encode({"event_ids": event_ids}), 200, media_type="application/json")


def answered(event_ids: Sequence[str], found: Mapping[str, EventAnswers]) -> Response:
    """200 with the answers to all events, or 202 with those that have come."""
    told = b",".join(_encode(event_id) + b":" + entry.told() for event_id, entry in found.items())
    body = b'{"event_ids":' + _encode(event_ids) + b',"answers":{' + told + b"}}"
    return Response(body, 200 if len(found) == len(set(event_ids)) else 202, media_type="application/json")
