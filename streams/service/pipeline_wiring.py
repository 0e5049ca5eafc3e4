"""Wire the parts that answer clicks: decoder, policy, model versions, pipeline."""

import socket
from typing import NamedTuple

from models.contract.aliases import EventNames
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.serving import shop_rules
from streams.config import secret_file
from streams.config.processing_config import ProcessingConfig
from streams.metrics import Metrics
from streams.pipeline.processor import Pipeline
from streams.privacy.sealing import Sealer
from streams.rollout.model_cache import ModelCache
from streams.rollout.models import Models
from streams.rollout.reports import Reports
from streams.rollout.shadow import Shadow
from streams.service.installation import Installation


class ShopFiles(NamedTuple):
    """Contents of the files of a shop: two TOML texts, and how event names of producers are read."""

    actions: str
    shop: str
    events: EventNames


class PipelineParts(NamedTuple):
    """The pipeline, what it depends on, and what is reported beside its answers."""

    pipeline: Pipeline
    models: Models
    reports: Reports
    catalogue: Catalogue
    metrics: Metrics


def pipeline_parts(at: Installation, texts: ShopFiles, sealer: Sealer | None) -> PipelineParts:
    """Build the parts; none of them runs yet. Raises ActionsError, ShopRulesError, SetUpError."""
    metrics, catalogue = Metrics(), Catalogue()
    reports = Reports(at.names.model_reports, at.connection.aiokafka())
    models = _models(at, metrics, reports)
    policy = policy_of(ActionSet.load(texts.actions))
    config = ProcessingConfig(at.names, at.partitions, at.settings, shop_rules.parse(texts.shop))
    decoder = _decoder(at, catalogue, texts.events)
    pipeline = Pipeline(config, decoder, policy, models, metrics, sealer)
    return PipelineParts(pipeline, models, reports, catalogue, metrics)


def _models(at: Installation, metrics: Metrics, reports: Reports) -> Models:
    settings = at.settings
    cache = ModelCache(settings.registry, at.datadir / "models", settings.device)
    name = f"{socket.gethostname()}:{settings.web_port}"
    return Models(cache, metrics, Shadow(settings.shadow_share, metrics), name, reports.tell)


def _decoder(at: Installation, catalogue: Catalogue, events: EventNames) -> Decoder:
    settings = at.settings
    return Decoder(settings.limits(), catalogue, events, secret_file.pseudonyms(settings.pseudonym_key_file))
