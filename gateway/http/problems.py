"""Refusals of the gateway: one JSON form, in which each says what was found, expected, and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from models.errors import PathcastError

#: Most details of one refusal; further ones are only counted.
MOST_DETAILS = 20
_encode = msgspec.json.Encoder().encode


class ProblemDetail(BaseModel):
    """One fault in a request."""

    at: str = Field(description="Which event or parameter is at fault, as `events[3]` or `timeout_ms`.")
    field: str = Field(default="", description="The field at fault; empty where it is the whole.")
    message: str = Field(description="What was found, what was expected, what to do.")


class ProblemBody(BaseModel):
    """The body of every answer that is an error."""

    error: str = Field(description="The kind of error in one word, for programs.")
    message: str = Field(description="What was found, what was expected, what to do.")
    details: list[ProblemDetail] = Field(
        default=[], description=f"Faults one by one, {MOST_DETAILS} at most."
    )


class HttpProblem(PathcastError):
    """A request that is refused with a status and a reason."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        details: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message
        self.details, self.headers = details, dict(headers or {})

    def response(self) -> Response:
        """The answer to the caller."""
        body = {"error": self.error, "message": self.message, "details": list(self.details)[:MOST_DETAILS]}
        return Response(_encode(body), self.status, self.headers, "application/json")


def later(status: int, error: str, message: str, seconds: int = 1) -> HttpProblem:
    """A refusal of what may be repeated after some seconds."""
    return HttpProblem(status, error, message, headers={"Retry-After": str(seconds)})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the errors that a route answers with."""
    return {status: {"model": ProblemBody, "description": MEANINGS[status]} for status in statuses}


#: What each status means, for the OpenAPI document.
MEANINGS: Mapping[int, str] = {
    400: "The request cannot be read.",
    401: "No valid token was given.",
    403: "The token has not the role that this needs.",
    404: "There is nothing of this name.",
    405: "The method does not fit the path.",
    408: "The request did not arrive in time.",
    413: "The request is larger than allowed.",
    415: "The body is of another type than expected.",
    422: "The request can be read, but its content does not fit.",
    429: "Too many requests, or too many events wait for Kafka; see Retry-After.",
    500: "A fault of the gateway.",
    503: "Kafka or the workers cannot be reached now; see Retry-After.",
}


def of_problem(_: Request, problem: Exception) -> Response:
    """For FastAPI: answer a HttpProblem."""
    if not isinstance(problem, HttpProblem):
        raise problem
    return problem.response()


def of_validation(_: Request, error: Exception) -> Response:
    """For FastAPI: answer wrong parameters, without quoting them."""
    if not isinstance(error, RequestValidationError):
        raise error
    details = [
        {"at": ".".join(map(str, one["loc"][1:])), "field": "", "message": one["msg"]}
        for one in error.errors()
    ]
    message = "parameters do not fit: see details, and /openapi.json for what is expected"
    return HttpProblem(422, "invalid", message, details).response()


def of_http(_: Request, error: Exception) -> Response:
    """For FastAPI: answer what the router refuses: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    told = {404: "not_found", 405: "method"}.get(error.status_code, "refused")
    message = f"{MEANINGS.get(error.status_code, str(error.detail))} See /openapi.json for what there is."
    return HttpProblem(error.status_code, told, message, headers=error.headers).response()
