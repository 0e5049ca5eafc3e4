"""`POST /v1/visitors/{visitor_id}/forget`: erase a visitor everywhere, with the proof of it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from gateway.http.guard import requires
from gateway.http.parameters import only
from gateway.http.problems import documented, later
from gateway.http.token_file import Role
from models.contract.events import ID_CHARS
from models.errors import PathcastError

#: Erases a visitor by id and gives the proof, as `pathcast visitor forget --json` prints it; takes a while.
Forget = Callable[[str], Mapping[str, Any]]
Forgotten = Annotated[str, Path(min_length=1, max_length=ID_CHARS, description="The visitor's id.")]
_encode = msgspec.json.Encoder().encode


class ProofBody(BaseModel):
    """The proof of an erasure; it does not name the visitor."""

    request: str
    at: int = Field(description="When, epoch milliseconds.")
    stores: list[dict[str, Any]] = Field(description="What each store had, and when it is gone.")
    unconfirmed: list[dict[str, Any]] = Field(description="Datadirs that may still hold the visitor.")


def forget_routes(forget: Forget, dropped: Callable[[str], None]) -> APIRouter:
    """The route; `dropped` drops what this process keeps of a visitor."""
    may = Depends(requires(Role.PRIVACY))
    router = APIRouter(tags=["privacy"], dependencies=[may, Depends(only())])
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/v1/visitors/{visitor_id:path}/forget",
        response_model=ProofBody,
        responses=documented(401, 403, 404, 422, 429, 503),
    )
    async def forgotten(visitor_id: Forgotten) -> Response:
        """Erase a visitor as `pathcast visitor forget` does; it reads all topics, so it takes a while.

        Stop sending the visitor's events first. After 503 call it again: what was done is done again.
        """
        async with one_at_a_time:
            try:
                proof = await asyncio.to_thread(forget, visitor_id)
            except PathcastError:
                told = "the visitor is not erased everywhere: see that all workers run, then call again"
                raise later(503, "not_erased", told, 30) from None
            finally:
                dropped(visitor_id)
        return Response(_encode(proof), media_type="application/json")

    return router
