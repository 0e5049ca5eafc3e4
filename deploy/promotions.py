"""Moves of versions as commands make them: entered in the ledger, told on `model-updates`."""

from pathlib import Path

import click

from deploy.kafka import connection
from deploy.logs import now_ms
from models.features import FEATURES_VERSION
from models.versions import Version
from streams.topics import TopicNames
from trainer.promote import announce, announcement
from trainer.promotions import Promotions


def promotions(registry: Path, told: bool = True, by: str = "operator") -> Promotions:
    """Moves in a registry that are announced to the workers, or only entered."""
    return Promotions(registry, _tell if told else _keep_quiet, now_ms, by)


def _tell(version: Version) -> None:
    topic = TopicNames().model_updates
    announce(announcement(version, FEATURES_VERSION), connection().kafka_python(), topic)
    click.echo(f"announced on {topic}", err=True)


def _keep_quiet(version: Version) -> None:
    click.echo(f"{version.id} was not announced: workers keep the version they have", err=True)
