"""Wire predictions and look-ups."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import APIRouter

from gateway.events.click_records import ClickReader
from gateway.gateway_settings import GatewaySettings
from gateway.http.parts import GatewayPart
from gateway.lookups.item_lookups import ItemLookups
from gateway.lookups.lookup_routes import item_routes, model_routes, visitor_routes
from gateway.lookups.visitor_routing import VisitorRouting
from gateway.lookups.worker_addresses import WorkerAddresses
from gateway.predictions.predict_routes import predict_routes
from gateway.predictions.predictor import Predictor
from gateway.predictions.serving_model import ServingModel
from gateway.service.served_shop import ServedShop
from models.serving.merchandising import Merchandiser
from streams.service.installation import Installation
from streams.service.pipeline_wiring import PipelineParts, pipeline_parts


def model_parts(settings: GatewaySettings, shop: ServedShop) -> list[GatewayPart]:
    """Look-ups at workers; predictions and items where the gateway loads models. Raises SetUpError."""
    routing = _routing(settings, shop)
    visitors = GatewayPart(visitor_routes(routing), routing.running)
    if not settings.predict:
        return [visitors, GatewayPart(model_routes(dict, routing))]
    datadir = settings.datadir.expanduser()
    at = Installation(shop.worker, shop.connection, shop.names, datadir, shop.partitions)
    parts = pipeline_parts(at, shop.files, None)

    def own() -> dict[str, Any]:
        told = parts.models.describe() | {"policies": parts.policies.describe()}
        return {name: value for name, value in told.items() if name != "worker"}

    return [
        visitors,
        GatewayPart(model_routes(own, routing)),
        _predictions(settings, shop, ServingModel(at, parts)),
    ]


def _routing(settings: GatewaySettings, shop: ServedShop) -> VisitorRouting:
    token = shop.worker.web_token
    addresses = WorkerAddresses(settings.workers)
    return VisitorRouting(addresses, shop.partitions, token.get_secret_value() if token else None)


def _predictions(settings: GatewaySettings, shop: ServedShop, serving: ServingModel) -> GatewayPart:
    predictor = Predictor(serving.parts.pipeline, shop.names)
    router = APIRouter()
    router.include_router(
        predict_routes(predictor, _any_age(settings, shop), settings, shop.files.events.form)
    )
    router.include_router(item_routes(_items(serving.parts), lambda: serving.parts.models.current))

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with serving.running(), predictor.running():
            yield

    return GatewayPart(router, running, serving.conditions)


def _any_age(settings: GatewaySettings, shop: ServedShop) -> ClickReader:
    """Reads events whatever their age: a path may be of another day."""
    limits = msgspec.structs.replace(shop.worker.limits(), check_skew=False)
    return ClickReader(limits, shop.files.events, settings.unknown_fields == "ignore")


def _items(parts: PipelineParts) -> ItemLookups:
    return ItemLookups(parts.catalogue, Merchandiser(parts.pipeline.config.shop, parts.catalogue))
