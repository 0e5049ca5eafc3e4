"""What the stages of the pipeline share: settings, topic names, number of partitions, rules of the shop."""

from dataclasses import dataclass, field

from models.analytics.analytics_config import AnalyticsConfig
from models.serving.shop_rules import ShopRules
from models.sessions.lifecycle import SessionConfig
from models.state.panes import PaneConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


@dataclass(frozen=True)
class ProcessingConfig:
    """How one installation processes clicks; the same for all its workers.

    A stage reads a setting as `config.settings.<name>`. `session`, `panes` and `analytics` are those of the
    state.
    Raises StateError for times that contradict each other.
    """

    names: TopicNames
    partitions: int
    settings: WorkerSettings = field(default_factory=WorkerSettings.model_construct)
    shop: ShopRules = field(default_factory=ShopRules)
    session: SessionConfig = field(init=False)
    panes: PaneConfig = field(init=False)
    analytics: AnalyticsConfig = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "session", self.settings.session_config())
        object.__setattr__(self, "panes", self.settings.pane_config())
        object.__setattr__(self, "analytics", self.settings.analytics_config())

    @property
    def recent_visitors(self) -> int:
        """Decoded visitors that each partition keeps in memory."""
        return self.settings.recent_visitors // self.partitions
