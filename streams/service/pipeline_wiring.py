"""Wire the parts that answer clicks: decoder, policy, model versions, pipeline."""

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from models.contract.aliases import EventNames
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.decisions.actions import ActionSet
from models.registry.policy_versions import PolicyVersion
from models.serving import shop_rules
from streams.config import secret_file
from streams.config.processing_config import ProcessingConfig
from streams.constraints.live_actions import LiveActions
from streams.metrics import Metrics
from streams.pipeline.processor import Pipeline
from streams.privacy.sealing import Sealer
from streams.rollout.arm_versions import ArmVersions
from streams.rollout.experiments import Experiments
from streams.rollout.model_cache import ModelCache, VersionCache, policy_cache
from streams.rollout.models import Models
from streams.rollout.policies import Policies
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
    policies: Policies
    experiments: Experiments
    actions: LiveActions
    reports: Reports
    catalogue: Catalogue
    metrics: Metrics


def pipeline_parts(at: Installation, texts: ShopFiles, sealer: Sealer | None) -> PipelineParts:
    """Build the parts; none of them runs yet. Raises ActionsError, ShopRulesError, SetUpError."""
    metrics, catalogue = Metrics(), Catalogue()
    reports = Reports(at.names.model_reports, at.connection.aiokafka())
    models = _models(at, metrics, reports)
    policies = _policies(at, metrics, reports, ActionSet.load_all(texts.actions))
    config = ProcessingConfig(at.names, at.partitions, at.settings, shop_rules.parse(texts.shop))
    decoder = _decoder(at, catalogue, texts.events)
    experiments = Experiments(policies, ArmVersions(_caches(at)))
    pipeline = Pipeline(config, decoder, experiments, models, metrics, sealer)
    actions = LiveActions(at.settings.actions, texts.actions, policies.take_actions, metrics)
    return PipelineParts(pipeline, models, policies, experiments, actions, reports, catalogue, metrics)


def _models(at: Installation, metrics: Metrics, reports: Reports) -> Models:
    settings = at.settings
    cache = ModelCache(settings.registry, at.datadir / "models", settings.device)
    return Models(cache, metrics, Shadow(settings.shadow_share, metrics), _name(at), reports.tell)


def _policies(at: Installation, metrics: Metrics, reports: Reports, actions: Sequence[ActionSet]) -> Policies:
    return Policies(actions, _caches(at), metrics, _name(at), reports.tell)


def _caches(at: Installation) -> Callable[[str], VersionCache[PolicyVersion]]:
    return partial(policy_cache, at.settings.registry, at.datadir)


def _name(at: Installation) -> str:
    return f"{socket.gethostname()}:{at.settings.web_port}"


def _decoder(at: Installation, catalogue: Catalogue, events: EventNames) -> Decoder:
    settings = at.settings
    pseudonymiser = secret_file.pseudonyms(settings.pseudonym_key_file)
    return Decoder(settings.limits(), catalogue, events, pseudonymiser, settings.wire_format())
