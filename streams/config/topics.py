"""The names of the topics, and which partition counts fit together."""

from collections.abc import Mapping

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.errors import SetUpError

#: The topics of a click's answers, in their order, by their fields in the topic names.
ANSWERS = ("purchase_intent", "recommendations", "ad_decisions")


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
    lapsing_visitors: str = Field(
        default="lapsing-visitors",
        description="Output of `pathcast score-lapsing`: visitors who are about to be lost.",
    )
    erasures: str = Field(
        default="visitor-erasures",
        description="Output: receipts of visitors forgotten, by request; they do not say who.",
    )
    visitor_keys: str = Field(
        default="visitor-keys",
        description="Output, compacted, only with `PATHCAST_ENVELOPE_KEY_FILE`: the wrapped key of each "
        "visitor, by which their answers are sealed.",
    )
    identities: str = Field(
        default="identities",
        description="Between workers: profiles of a user's devices, on their way to each other.",
    )
    profiles: str = Field(
        default="profiles",
        description="Input, compacted: what the shop knows of a visitor or user, by id; an empty value "
        "removes it.",
    )
    items: str = Field(default="items", description="Broadcast, compacted: the catalogue.")
    model_updates: str = Field(
        default="model-updates", description="Broadcast, compacted: manifests of promoted models."
    )
    model_reports: str = Field(
        default="model-reports",
        description="Output, compacted: what workers say of versions: in use, refused, compared.",
    )
    state_copies: str = Field(
        default="state-copies",
        description="Output, compacted: which datadirs have files of which partitions' state, and up to "
        "which erasure they are rewritten.",
    )

    @property
    def by_visitor(self) -> tuple[str, ...]:
        """Topics keyed by visitor: an answer goes to the partition of its click, so all have as many."""
        return (
            self.clicks,
            self.purchase_intent,
            self.recommendations,
            self.ad_decisions,
            self.dead_letters,
            self.lapsing_visitors,
            self.erasures,
            *self.sides,
        )

    @property
    def sides(self) -> tuple[str, ...]:
        """Inputs beside clicks that change the state of visitors."""
        return self.identities, self.profiles

    def used(self, sealing: bool) -> tuple[str, ...]:
        """All topics that an installation has; `sealing`: it seals answers."""
        keys = (self.visitor_keys,) if sealing else ()
        return (*self.by_visitor, *keys, *self.broadcast)

    @property
    def broadcast(self) -> tuple[str, ...]:
        """Compacted topics of one partition; the first two are read whole by every worker."""
        return self.items, self.model_updates, self.model_reports, self.state_copies


def check(counts: Mapping[str, int], names: TopicNames) -> None:
    """Raises SetUpError unless names differ, visitor-keyed topics have equal counts, broadcast ones 1.

    `counts` are those of the topics that exist.
    """
    roles = names.model_dump()
    twice = {name: [role for role in roles if roles[role] == name] for name in roles.values()}
    if len(twice) < len(roles):
        name, shared = next((name, shared) for name, shared in twice.items() if len(shared) > 1)
        variables = ", ".join(f"PATHCAST_TOPIC_{role.upper()}" for role in shared)
        raise SetUpError(f"{variables} all name {name!r}: every topic needs a name of its own")
    keyed = (*names.by_visitor, names.visitor_keys)
    by_visitor = {topic: counts[topic] for topic in keyed if topic in counts}
    if len(set(by_visitor.values())) > 1:
        raise SetUpError(
            f"topics keyed by visitor differ in their partitions ({_listed(by_visitor)}): expected equal "
            "counts, since an answer goes to the partition of its click. Add partitions to the smaller ones, "
            "or name others (PATHCAST_TOPIC_*)"
        )
    wide = {topic: counts[topic] for topic in names.broadcast if counts.get(topic, 1) != 1}
    if wide:
        raise SetUpError(
            f"broadcast topics have several partitions ({_listed(wide)}): expected 1, since the order of "
            "updates matters. Recreate them, or name others (PATHCAST_TOPIC_*)"
        )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{topic}: {count}" for topic, count in counts.items())
