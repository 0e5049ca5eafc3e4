"""Moves of versions as commands make them: published, recorded in the ledger, and announced."""

from dataclasses import dataclass
from pathlib import Path

import click

from deploy.cluster.clients import connection
from deploy.cluster.records import now_ms
from models.contract.updates import ModelUpdate, policy_key
from models.decisions.actions_file import DEFAULT_POLICY
from models.features.features import FEATURES_VERSION
from models.registry import policy_versions, remote
from models.registry.version_files import Registered, policies_folder, policies_place
from streams.config.topics import TopicNames
from trainer.promotion.announce import PLACEMENT, announce, announcement
from trainer.promotion.promotions import Promotions, nowhere
from trainer.promotion.publish_settings import PublishSettings


@dataclass(frozen=True)
class Announcer:
    """Publishes versions to the registry at `url` (None: workers read the folder) and announces them."""

    url: str | None
    key: str = PLACEMENT

    def announcement(self, version: Registered) -> ModelUpdate:
        """What workers need to find a version."""
        place = remote.version_url(self.url, version.id) if self.url else None
        return announcement(version, FEATURES_VERSION, place)

    def publish(self, version: Registered) -> None:
        """Copy a version to the URL. Raises RegistryError."""
        if self.url:
            click.echo(f"copied to {remote.put(version.path, self.url)}", err=True)

    def tell(self, version: Registered) -> None:
        """Announce a version under the key. Raises PromotionError."""
        self._send(self.announcement(version))

    def withdraw(self) -> str:
        """Withdraw what was announced under the key of a placement's policy. Raises PromotionError."""
        self._send(None)
        return f"no version, so {DEFAULT_POLICY}"

    def _send(self, update: ModelUpdate | None) -> None:
        topic = TopicNames().model_updates
        announce(update, connection().kafka_python(), topic, key=self.key)
        click.echo(f"announced on {topic}", err=True)


def promotions(registry: Path, announced: bool = True, by: str = "operator") -> Promotions:
    """Moves of networks that are published and announced to the workers, or only recorded."""
    if not announced:
        return Promotions(registry, _keep_quiet, now_ms, by)
    made = Announcer(PublishSettings().publish)
    return Promotions(registry, made.tell, now_ms, by, made.publish if made.url else nowhere)


def policy_promotions(
    registry: Path, placement: str, announced: bool = True, by: str = "operator"
) -> Promotions:
    """Moves of a placement's policies, as `promotions` of networks."""
    folder, url = policies_folder(registry, placement), PublishSettings().publish
    made = Announcer(policies_place(url, placement) if url else None, policy_key(placement))
    tell, withdraw = (made.tell, made.withdraw) if announced else (_keep_quiet, _withdraw_quietly)
    publish = made.publish if announced and made.url else nowhere
    return Promotions(folder, tell, now_ms, by, publish, policy_versions.load, withdraw)


def published(version: Registered) -> ModelUpdate:
    """The announcement of a network, which is first copied to PATHCAST_REGISTRY_PUBLISH.

    Raises RegistryError.
    """
    made = Announcer(PublishSettings().publish)
    made.publish(version)
    return made.announcement(version)


def _keep_quiet(version: Registered) -> None:
    click.echo(f"{version.id} was not announced: workers keep their version", err=True)


def _withdraw_quietly() -> str:
    click.echo("nothing was announced: workers keep their version", err=True)
    return f"no version, so {DEFAULT_POLICY}"
