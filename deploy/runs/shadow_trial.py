"""Live comparisons by workers, which the gate requests and reads on two topics."""

from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from deploy.cluster.clients import connection
from deploy.cluster.model_reports import reports
from deploy.cluster.records import now_ms
from deploy.runs.promotion_moves import published
from models.contract.updates import SHADOW, ModelReport
from models.registry.versions import Version
from streams.config.topics import TopicNames
from trainer.gate.gate_settings import GateSettings
from trainer.gate.live_trial import LiveTrial
from trainer.promotion.announce import announce


class LiveWorkers:
    """The workers of the configured cluster."""

    def compare(self, version: Version, events: int) -> None:
        """Publish the version and announce it for comparison. Raises RegistryError or PromotionError."""
        update = structs.replace(published(version), events=events)
        announce(update, connection().kafka_python(), TopicNames().model_updates, key=SHADOW)

    def stop(self) -> None:
        """End the comparison. Raises PromotionError."""
        announce(None, connection().kafka_python(), TopicNames().model_updates, key=SHADOW)

    def reports(self) -> list[ModelReport]:
        """The reports on `model-reports`. Raises KafkaUnreachable."""
        return reports(connection(), TopicNames().model_reports)


def trial(settings: GateSettings, tell: Callable[[str], None], file: Path | None = None) -> LiveTrial | None:
    """The comparison that the gate's settings require; None if they require none."""
    if settings.shadow_events == 0:
        return None
    return LiveTrial(LiveWorkers(), settings, now_ms, tell, file)
