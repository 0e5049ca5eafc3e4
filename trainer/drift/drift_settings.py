"""Limits of drift: environment variables `PATHCAST_DRIFT_…`, the source of `docs/settings.md`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DriftSettings(BaseSettings):
    """Limits above which an alarm is raised. A change within what chance explains never raises one."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_DRIFT_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    least_sessions: int = Field(
        default=300,
        ge=2,
        description="Fewest sessions since the version was trained; below it drift is not measured.",
    )
    score_stability: float = Field(
        default=0.25,
        gt=0,
        description="Population stability index of purchase probabilities above which an alarm is raised.",
    )
    feature_stability: float = Field(
        default=0.25, gt=0, description="Population stability index above which a feature counts as drifted."
    )
    features: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Largest share of features that may have drifted without an alarm.",
    )
    calibration: float = Field(
        default=1.5,
        gt=1,
        description="Largest factor between the predicted and the actual number of purchases.",
    )
    new_items: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Largest increase, since validation, of the share of clicks on items that the version "
        "does not know.",
    )
