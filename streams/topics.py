"""The names of the topics."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TopicNames(BaseSettings):
    """Every topic by its role; a name is set by PATHCAST_TOPIC_CLICKS and so on."""

    model_config = SettingsConfigDict(env_prefix="PATHCAST_TOPIC_", frozen=True, extra="ignore")

    clicks: str = Field(default="clicks", description="Input: the shop's events, keyed by visitor.")
    purchase_intent: str = Field(
        default="purchase-intent", description="Output: probability of a purchase, per click."
    )
    recommendations: str = Field(
        default="recommendations", description="Output: the likely next items, per click."
    )
    ad_decisions: str = Field(
        default="ad-decisions", description="Output: the action taken, with its propensity."
    )
    dead_letters: str = Field(
        default="clicks-dead-letter", description="Output: refused inputs, unchanged, with the reason."
    )
    items: str = Field(default="items", description="Broadcast, compacted: the catalogue.")
    model_updates: str = Field(
        default="model-updates", description="Broadcast, compacted: manifests of promoted models."
    )

    @property
    def by_visitor(self) -> tuple[str, ...]:
        """Topics keyed by visitor: an answer goes to the partition of its click, so all have as many."""
        return self.clicks, self.purchase_intent, self.recommendations, self.ad_decisions, self.dead_letters

    @property
    def broadcast(self) -> tuple[str, ...]:
        """Compacted topics of one partition, read whole by every worker."""
        return self.items, self.model_updates
