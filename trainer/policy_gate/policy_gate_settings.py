"""Thresholds of the policy gate: environment variables `PATHCAST_POLICY_GATE_…`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PolicyGateSettings(BaseSettings):
    """What a candidate must show on logged decisions before it serves."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_POLICY_GATE_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    least_decisions: int = Field(
        default=1_000,
        ge=10,
        description="Fewest logged decisions that a policy is judged on; with fewer it is refused.",
    )
    least_effective: float = Field(
        default=200.0,
        ge=1,
        description="Fewest effective decisions (Kish's effective sample size of the weights): below, the "
        "log has too few decisions such as the candidate would make.",
    )
    level: float = Field(
        default=0.97,
        gt=0.5,
        lt=1,
        description="Level of the interval of the difference to the incumbent; its lower end must be above "
        "0. So a policy that is not better passes with a probability of at most half of what is left.",
    )
    most_spend: float | None = Field(
        default=None,
        gt=0,
        description="Largest cost of its actions per decision, as a multiple of what the incumbent's cost. "
        "Unset: what they cost counts as the rewards say, and budgets hold in any case.",
    )
    model: str = Field(
        default="ridge",
        pattern=r"^(auto|means|linear|ridge|trees)$",
        description="Reward model of the doubly robust estimate; `auto` chooses by held-out error.",
    )
