"""Wire predictions and look-ups."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter

from gateway.dashboard.web.shopper_view import Reasons
from gateway.dashboard.web.similar_view import Similar
from gateway.events.click_records import ClickReader
from gateway.gateway_settings import GatewaySettings
from gateway.http.parts import GatewayPart
from gateway.lookups.item_lookups import ItemLookups, SimilarItems
from gateway.lookups.lookup_routes import item_routes, model_routes, visitor_routes
from gateway.lookups.visitor_routing import VisitorRouting
from gateway.lookups.worker_addresses import WorkerAddresses
from gateway.predictions.path_reasons import PathReasons
from gateway.predictions.predict_routes import predict_routes
from gateway.predictions.predictor import Predictor
from gateway.predictions.serving_model import ServingModel
from gateway.service.served_shop import ServedShop
from models.serving.merchandising import Merchandiser
from streams.service.installation import Installation
from streams.service.pipeline_wiring import pipeline_parts

#: Similar items on the dashboard.
MOST_SIMILAR = 20


class ModelParts(NamedTuple):
    """The parts, and what finds similar items and reasons; None where the gateway loads no models."""

    parts: list[GatewayPart]
    similar: Similar | None
    reasons: Reasons | None


def model_parts(settings: GatewaySettings, shop: ServedShop) -> ModelParts:
    """Look-ups at workers; predictions and items where the gateway loads models. Raises SetUpError."""
    routing = _routing(settings, shop)
    visitors = GatewayPart(visitor_routes(routing), routing.running)
    if not settings.predict:
        return ModelParts([visitors, GatewayPart(model_routes(dict, routing))], None, None)
    datadir = settings.datadir.expanduser()
    at = Installation(shop.worker, shop.connection, shop.names, datadir, shop.partitions)
    parts = pipeline_parts(at, shop.files, None)

    def own() -> dict[str, Any]:
        told = parts.models.describe() | {"policies": parts.policies.describe()}
        return {name: value for name, value in told.items() if name != "worker"}

    items = ItemLookups(parts.catalogue, Merchandiser(parts.pipeline.config.shop, parts.catalogue))

    def similar(item_id: str) -> SimilarItems:
        used = parts.models.current
        if used is None:
            return SimilarItems("", None)
        return SimilarItems(used.id, items.similar(used, item_id, MOST_SIMILAR))

    models, predictor = GatewayPart(model_routes(own, routing)), Predictor(parts.pipeline, shop.names)
    predictions = _predictions(settings, shop, ServingModel(at, parts), predictor, items)
    reasons = PathReasons(predictor, _any_age(shop, strangers=True))
    return ModelParts([visitors, models, predictions], similar, reasons.of)


def _routing(settings: GatewaySettings, shop: ServedShop) -> VisitorRouting:
    token = shop.worker.web_token
    addresses = WorkerAddresses(settings.workers)
    return VisitorRouting(addresses, shop.partitions, token.get_secret_value() if token else None)


def _predictions(
    settings: GatewaySettings,
    shop: ServedShop,
    serving: ServingModel,
    predictor: Predictor,
    items: ItemLookups,
) -> GatewayPart:
    router, reader = APIRouter(), _any_age(shop, settings.unknown_fields == "ignore")
    router.include_router(predict_routes(predictor, reader, settings, shop.files.events.form))
    router.include_router(item_routes(items, lambda: serving.parts.models.current))

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with serving.running(), predictor.running():
            yield

    return GatewayPart(router, running, lambda: serving.conditions() | predictor.conditions())


def _any_age(shop: ServedShop, strangers: bool) -> ClickReader:
    """Reads events whatever their age: a path may be of another day."""
    limits = msgspec.structs.replace(shop.worker.limits(), check_skew=False)
    return ClickReader(limits, shop.files.events, strangers)
