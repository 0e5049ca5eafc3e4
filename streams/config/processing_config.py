"""What the pipeline is told once: times, topic names, partitions."""

from dataclasses import dataclass, field

from models.durations import DAY_MS, HOUR_MS, MINUTE_MS
from models.serving.shop_rules import ShopRules
from models.sessions.lifecycle import SessionConfig
from models.state.exposure import ExposureConfig
from models.state.panes import PaneConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


@dataclass(frozen=True)
class ProcessingConfig:
    """How one installation processes clicks; the same for all its workers."""

    names: TopicNames
    partitions: int
    session: SessionConfig = field(default_factory=SessionConfig)
    panes: PaneConfig = field(default_factory=PaneConfig)
    deadline_s: float = 2.0
    #: Decoded visitors kept in memory, by partition.
    recent_visitors: int = 10_000
    #: Clicks of a chunk that are explained, of those that ask for it.
    explanations: int = 8
    #: Visitors whose hidden states are made again in one pass over chunks.
    rebuilds: int = 64
    shop: ShopRules = field(default_factory=ShopRules)

    @classmethod
    def of(
        cls, settings: WorkerSettings, names: TopicNames, partitions: int, shop: ShopRules | None = None
    ) -> "ProcessingConfig":
        """From the worker's settings. Raises StateError for times that contradict each other."""
        session = SessionConfig(
            gap_ms=int(settings.session_gap_minutes * MINUTE_MS),
            lateness_ms=int(settings.allowed_lateness_minutes * MINUTE_MS),
            churn_ms=int(settings.churn_days * DAY_MS),
            ttl_ms=int(settings.visitor_ttl_days * DAY_MS),
            exposure=ExposureConfig(int(settings.attribution_hours * HOUR_MS)),
        )
        return cls(
            names,
            partitions,
            session,
            PaneConfig(retention_ms=settings.pane_hours * HOUR_MS),
            deadline_s=settings.deadline_ms / 1000,
            recent_visitors=settings.recent_visitors // partitions,
            explanations=settings.explanations_per_chunk,
            rebuilds=settings.rebuilds_per_chunk,
            shop=shop or ShopRules(),
        )
