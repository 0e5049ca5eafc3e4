"""Routes of look-ups: visitors, similar and popular items, versions."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from gateway.http.guard import requires
from gateway.http.parameters import only
from gateway.http.problems import HttpProblem, documented, later
from gateway.http.token_file import Role
from gateway.lookups.item_lookups import MOST_ITEMS, ItemLookups
from gateway.lookups.visitor_routing import VisitorRouting
from models.contract.events import ID_CHARS
from models.registry.versions import Version

_MAY = Depends(requires(Role.READ))
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Most items.")]
VisitorIdPath = Annotated[str, Path(min_length=1, max_length=ID_CHARS, description="The visitor's id.")]
ItemIdPath = Annotated[str, Path(min_length=1, max_length=256, description="The item's id.")]
CategoryName = Annotated[str | None, Query(min_length=1, max_length=256, description="A category only.")]
_NO_MODEL = "no model is in use yet: announce one (pathcast train --announce)"
_UNKNOWN_ITEM = "the model in use does not know this item: it is new, or none"
_encode = msgspec.json.Encoder().encode


class VisitorBody(BaseModel):
    """What the workers know of a visitor."""

    visitor_id: str
    partition: int = Field(description="The partition that holds the visitor.")
    profile: dict[str, Any] = Field(description="Sessions, orders, cart, interests, in names.")
    state: dict[str, Any] = Field(description="The whole record (docs/state.md).")
    answers: list[dict[str, Any]] = Field(description="The answers to the latest click.")
    explanation: dict[str, Any] | None = Field(description="What moved them; null where it is not known.")


class ListedItem(BaseModel):
    """An item with its score, and what the catalogue says of it."""

    item_id: str
    score: float = Field(description="Cosine of embeddings, or share of clicks.")
    title: str | None = None
    category: str | None = None
    price: float | None = None


class ItemList(BaseModel):
    """Items, best first, by a version of the model."""

    model_version: str
    items: list[ListedItem]


class ModelsBody(BaseModel):
    """Versions in use."""

    gateway: dict[str, Any] = Field(description="Of `/v1/predict` and of item look-ups.")
    workers: dict[str, Any] = Field(description="By address what a worker says; null: it does not answer.")


def visitor_routes(routing: VisitorRouting) -> APIRouter:
    """The route of visitors."""
    router = APIRouter(tags=["look-ups"], dependencies=[_MAY, Depends(only())])

    @router.get(
        "/v1/visitors/{visitor_id:path}",
        response_model=VisitorBody,
        responses=documented(401, 403, 404, 422, 429, 503),
    )
    async def visitor(visitor_id: VisitorIdPath) -> Response:
        """State, last answers and their explanation, from the worker that has the visitor.

        503 while the visitor's partition moves from one worker to another.
        """
        known = await routing.find(visitor_id)
        if known is None:
            told = "no worker has a record of this visitor: never seen, expired or forgotten"
            raise HttpProblem(404, "not_found", told)
        return Response(_encode(known), media_type="application/json")

    return router


def item_routes(items: ItemLookups, version: Callable[[], Version | None]) -> APIRouter:
    """The routes of items; `version` gives the version in use."""
    router = APIRouter(tags=["look-ups"], dependencies=[_MAY])

    def current() -> Version:
        found = version()
        if found is None:
            raise later(503, "no_model", _NO_MODEL, 10)
        return found

    @router.get(
        "/v1/items/{item_id:path}/similar",
        response_model=ItemList,
        responses=documented(401, 403, 404, 422, 429, 503),
        dependencies=[Depends(only("limit"))],
    )
    async def similar(item_id: ItemIdPath, limit: Limit = 20) -> Response:
        """The items that the model finds most alike, without those that are not sold."""
        used = current()
        found = await asyncio.to_thread(items.similar, used, item_id, limit)
        if found is None:
            raise HttpProblem(404, "not_found", _UNKNOWN_ITEM)
        return _listed(used, found)

    @router.get(
        "/v1/popular",
        response_model=ItemList,
        responses=documented(401, 403, 422, 429, 503),
        dependencies=[Depends(only("limit", "category"))],
    )
    async def popular(limit: Limit = 20, category: CategoryName = None) -> Response:
        """The items with most clicks in the log that the model learned from."""
        used = current()
        return _listed(used, await asyncio.to_thread(items.popular, used, category, limit))

    return router


def model_routes(own: Callable[[], dict[str, Any]], routing: VisitorRouting) -> APIRouter:
    """The route of versions; `own` tells those of this process."""
    router = APIRouter(tags=["look-ups"], dependencies=[_MAY, Depends(only())])

    @router.get("/v1/models", response_model=ModelsBody, responses=documented(401, 403, 422, 429))
    async def models() -> Response:
        """The versions in use, here and in each worker."""
        body = {"gateway": own(), "workers": await routing.models()}
        return Response(_encode(body), media_type="application/json")

    return router


def _listed(version: Version, found: list[dict[str, Any]]) -> Response:
    return Response(_encode({"model_version": version.id, "items": found}), media_type="application/json")
