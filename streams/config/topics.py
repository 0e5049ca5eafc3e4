"""The table of topics. Everything about a topic is said here once, in its entry.

From the table follow the settings of the topics' names, their creation (`deploy/cluster/topic_creation.py`),
the AsyncAPI document and the page of topics (`deploy/reference`), and where a visitor's data is looked for
(`deploy/privacy/stores.py`). A new topic is an entry here and the code that writes or reads it.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from models.analytics.analytics_records import AnalyticsRecord
from models.constraints.budget_records import BudgetGrant, BudgetSpend
from models.contract.events import Click
from models.contract.items import Item
from models.contract.predictions import AdDecision, LapsingVisitor, PurchaseIntent, Recommendations
from models.contract.profile_updates import ProfileUpdate
from models.contract.rewards import RecommendationOutcome, Reward
from models.contract.updates import ModelReport, ModelUpdate
from models.durations import DAY_MS, HOUR_MS
from models.experiments.experiment import Experiment
from models.privacy.erasure import Erasure, StateCopy
from streams.config.topic import (
    COMMANDS,
    RUNNING,
    SHOP,
    TRAINER,
    VISITOR_KEY,
    WORKER,
    Topic,
    VisitorData,
    answer,
    broadcast,
)
from streams.config.topic_headers import CLICK_HEADERS, DEAD_LETTER_HEADERS
from streams.config.topic_names import SelectableNames, entries

#: The topics of a click's answers, in their order, by their fields in the topic names.
ANSWERS = ("purchase_intent", "recommendations", "ad_decisions")


class TopicNames(SelectableNames):
    """The name of every topic, by role; each is set by PATHCAST_TOPIC_<ROLE> (PATHCAST_TOPIC_CLICKS, ...)."""

    model_config = SettingsConfigDict(env_prefix="PATHCAST_TOPIC_", frozen=True, extra="ignore")

    clicks: Annotated[
        str,
        Topic(
            "What visitors do, decisions' outcomes too.",
            VISITOR_KEY,
            Click,
            writers=[SHOP, COMMANDS],
            readers=[WORKER, TRAINER],
            retention_ms=7 * DAY_MS,
            visitor_data=VisitorData.EXPIRES,
            headers=CLICK_HEADERS,
        ),
    ] = Field(default="clicks", description="Input: the shop's events, keyed by visitor.")
    purchase_intent: Annotated[
        str, answer("Purchase probability, per click.", PurchaseIntent, 7, [SHOP, TRAINER])
    ] = Field(default="purchase-intent", description="Output: probability of a purchase, per click.")
    recommendations: Annotated[
        str, answer("The likely next items, per click.", Recommendations, 7, [SHOP, TRAINER])
    ] = Field(default="recommendations", description="Output: the likely next items, per click.")
    # Policies are learned from decisions, so these outlive the clicks that they explain.
    ad_decisions: Annotated[
        str, answer("The action chosen, per click.", AdDecision, 28, [SHOP, TRAINER, COMMANDS])
    ] = Field(default="ad-decisions", description="Output: the action taken, with its propensity.")
    rewards: Annotated[
        str, answer("What became of each decision.", Reward, 28, [SHOP, TRAINER, COMMANDS])
    ] = Field(default="rewards", description="Output: decisions with their outcomes, once each.")
    recommendation_outcomes: Annotated[
        str,
        answer("What became of recommendations.", RecommendationOutcome, 28, [SHOP, TRAINER, COMMANDS]),
    ] = Field(
        default="recommendation-outcomes",
        description="Output: recommendations that were seen or followed, with their outcomes, once each.",
    )
    dead_letters: Annotated[
        str,
        Topic(
            "Refused inputs, bytes unchanged.",
            "As it came",
            None,
            writers=[WORKER],
            readers=[COMMANDS],
            retention_ms=28 * DAY_MS,
            # Kafka takes inputs of up to 1 MiB by default: one of that size must fit here with its reason.
            config={"max.message.bytes": str(2 << 20)},
            visitor_data=VisitorData.EXPIRES,
            headers=DEAD_LETTER_HEADERS,
        ),
    ] = Field(default="clicks-dead-letter", description="Output: refused inputs, unchanged, with the reason.")
    lapsing_visitors: Annotated[
        str,
        Topic(
            "Visitors about to be lost, per sweep.",
            VISITOR_KEY,
            LapsingVisitor,
            writers=[COMMANDS],
            readers=[SHOP, COMMANDS],
            # The latest record of each visitor counts, for as long as one may act on it.
            compacted=True,
            retention_ms=28 * DAY_MS,
            visitor_data=VisitorData.EXPIRES_OR_MARKED,
        ),
    ] = Field(
        default="lapsing-visitors",
        description="Output of `pathcast score-lapsing`: visitors who are about to be lost.",
    )
    erasures: Annotated[
        str,
        Topic(
            "Receipts of visitors forgotten.",
            "Request, UTF-8",
            Erasure,
            writers=[WORKER],
            readers=[WORKER, COMMANDS],
            # Proof of an erasure may be asked for later.
            retention_ms=365 * DAY_MS,
            visitor_data=VisitorData.NONE,
        ),
    ] = Field(
        default="visitor-erasures",
        description="Output: receipts of visitors forgotten, by request; they do not say who.",
    )
    visitor_keys: Annotated[
        str,
        Topic(
            "Wrapped keys of sealed answers, where they are sealed.",
            VISITOR_KEY,
            None,
            writers=[WORKER, COMMANDS],
            readers=[SHOP, TRAINER, COMMANDS],
            compacted=True,
            # What a deleted key has sealed can be read until the topic is compacted.
            config={"max.compaction.lag.ms": str(HOUR_MS), "delete.retention.ms": str(HOUR_MS)},
            only_sealed=True,
            visitor_data=VisitorData.DELETED_BY_KEY,
        ),
    ] = Field(
        default="visitor-keys",
        description="Output, compacted, only with `PATHCAST_ENVELOPE_KEY_FILE`: the wrapped key of each "
        "visitor, by which their answers are sealed.",
    )
    identities: Annotated[
        str,
        Topic(
            "Between workers: a user's devices.",
            "user_id or visitor_id, UTF-8",
            None,
            writers=[WORKER],
            readers=[WORKER],
            # Workers read the messages at once; a worker that was away for some days still finds them.
            retention_ms=7 * DAY_MS,
            side_input=True,
            visitor_data=VisitorData.EXPIRES,
        ),
    ] = Field(
        default="identities",
        description="Between workers: profiles of a user's devices, on their way to each other.",
    )
    profiles: Annotated[
        str,
        Topic(
            "What the shop knows of a visitor or user; an empty value removes it.",
            "visitor_id or user_id, UTF-8",
            ProfileUpdate,
            writers=[SHOP, COMMANDS],
            readers=[WORKER, COMMANDS],
            compacted=True,
            # Workers that were away for a week still find what was removed.
            config={"max.compaction.lag.ms": str(DAY_MS), "delete.retention.ms": str(7 * DAY_MS)},
            side_input=True,
            visitor_data=VisitorData.DELETED_BY_KEY,
        ),
    ] = Field(
        default="profiles",
        description="Input, compacted: what the shop knows of a visitor or user, by id; an empty value "
        "removes it.",
    )
    items: Annotated[
        str,
        broadcast(
            "The catalogue; an empty value removes the item.",
            "item_id, UTF-8",
            Item,
            [SHOP, COMMANDS],
            [WORKER, TRAINER],
        ),
    ] = Field(default="items", description="Broadcast, compacted: the catalogue.")
    model_updates: Annotated[
        str,
        broadcast(
            "Models and policies as they are promoted.",
            "Kind and placement, UTF-8",
            ModelUpdate,
            [TRAINER, COMMANDS],
            [WORKER],
        ),
    ] = Field(
        default="model-updates",
        description="Broadcast, compacted: manifests of promoted models and policies.",
    )
    model_reports: Annotated[
        str,
        broadcast(
            "Workers about versions.", "Worker and kind, UTF-8", ModelReport, [WORKER], [TRAINER, COMMANDS]
        ),
    ] = Field(
        default="model-reports",
        description="Output, compacted: what workers say of versions: in use, refused, compared.",
    )
    experiments: Annotated[
        str, broadcast("Running and stopped ones.", "Name, UTF-8", Experiment, [COMMANDS], [WORKER, COMMANDS])
    ] = Field(default="experiments", description="Broadcast, compacted: experiments, running and stopped.")
    budget_grants: Annotated[
        str,
        broadcast(
            "What may be spent.", "account:partition, UTF-8", BudgetGrant, [COMMANDS], [WORKER, COMMANDS]
        ),
    ] = Field(
        default="budget-grants",
        description="Broadcast, compacted, from `pathcast pacer`: what each partition may spend of budgets.",
    )
    budget_spend: Annotated[
        str, broadcast("What partitions spent.", "Partition, UTF-8", BudgetSpend, [WORKER], [COMMANDS])
    ] = Field(
        default="budget-spend",
        description="Output, compacted: what each partition has spent and returned of each budget.",
    )
    analytics: Annotated[
        str, broadcast("Counts.", "partition:start:kind, UTF-8", AnalyticsRecord, [WORKER], [COMMANDS])
    ] = Field(default="analytics", description="Output, compacted: counts of panes over all visitors.")
    state_copies: Annotated[
        str,
        broadcast("Where state lies as files.", "Worker and partition, UTF-8", StateCopy, RUNNING, RUNNING),
    ] = Field(
        default="state-copies",
        description="Output, compacted: which datadirs have files of which partitions' state, and up to "
        "which erasure they are rewritten.",
    )


#: The entries by role.
TOPICS: Final[Mapping[str, Topic]] = entries(TopicNames)
