"""Moves of versions as commands make them: published, recorded in the ledger, and announced."""

from collections.abc import Callable
from pathlib import Path

import click

from deploy.cluster.clients import connection
from deploy.cluster.records import now_ms
from models.contract.updates import ModelUpdate
from models.features.features import FEATURES_VERSION
from models.registry import remote
from models.registry.versions import Version
from streams.config.topics import TopicNames
from trainer.promotion.announce import announce, announcement
from trainer.promotion.promotions import Promotions, nowhere
from trainer.promotion.publish_settings import PublishSettings


def promotions(registry: Path, announced: bool = True, by: str = "operator") -> Promotions:
    """Moves in a registry that are published and announced to the workers, or only recorded."""
    if not announced:
        return Promotions(registry, _keep_quiet, now_ms, by)
    url = PublishSettings().publish
    return Promotions(registry, _teller(url), now_ms, by, _publisher(url) if url else nowhere)


def published(version: Version) -> ModelUpdate:
    """The announcement of a version, which is first copied to PATHCAST_REGISTRY_PUBLISH.

    Raises RegistryError.
    """
    url = PublishSettings().publish
    if url:
        _publisher(url)(version)
    return _announcement(version, url)


def _announcement(version: Version, url: str | None) -> ModelUpdate:
    return announcement(version, FEATURES_VERSION, remote.version_url(url, version.id) if url else None)


def _publisher(url: str) -> Callable[[Version], None]:
    def publish(version: Version) -> None:
        click.echo(f"copied to {remote.put(version.path, url)}", err=True)

    return publish


def _teller(url: str | None) -> Callable[[Version], None]:
    def tell(version: Version) -> None:
        topic = TopicNames().model_updates
        announce(_announcement(version, url), connection().kafka_python(), topic)
        click.echo(f"announced on {topic}", err=True)

    return tell


def _keep_quiet(version: Version) -> None:
    click.echo(f"{version.id} was not announced: workers keep their version", err=True)
