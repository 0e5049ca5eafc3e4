"""Settings of policy runs: environment variables `PATHCAST_POLICY_…`, the source of `docs/settings.md`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PolicyRunSettings(BaseSettings):
    """When `pathcast trainer` trains policies, of which kind, and on what."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_POLICY_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    kind: str = Field(
        default="thompson",
        pattern=r"^[a-z_]{1,32}$",
        description="Kind of the policies that `pathcast trainer` trains, as `pathcast policy train --kind`.",
    )
    every_minutes: float | None = Field(
        default=720.0,
        gt=0,
        le=5_256_000,
        description="Minutes between policy runs, which pass the policy gate; a run also needs new rewards. "
        "Unset: none.",
    )
    every_rewards: int | None = Field(
        default=None, ge=1, description="Number of new rewards after which a policy run starts. Unset: none."
    )
    posterior_minutes: float | None = Field(
        default=5.0,
        gt=0,
        le=5_256_000,
        description="Minutes between updates of the posterior of a serving `thompson` or `ucb` policy; an "
        "update also needs new rewards. Unset: none.",
    )
    least_rewards: int = Field(
        default=500, ge=1, description="Fewest rewards in the event log before a policy is trained."
    )
    most_decisions: int = Field(
        default=500_000, ge=100, description="Largest number of the newest decisions that a run reads."
    )
    holdout: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Share of these decisions, by visitor, that a run does not learn from and the gate "
        "judges on.",
    )
