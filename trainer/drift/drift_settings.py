"""What counts as drift: environment variables `PATHCAST_DRIFT_…`, from which `docs/settings.md` is made."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DriftSettings(BaseSettings):
    """Limits from which on an alarm is raised; what chance alone could do never raises one."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_DRIFT_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    least_sessions: int = Field(
        default=300, ge=2, description="Sessions since the version was trained, below which nothing is said."
    )
    score_stability: float = Field(
        default=0.25, gt=0, description="Population stability index of the purchase probabilities."
    )
    feature_stability: float = Field(
        default=0.25, gt=0, description="Population stability index from which on a feature has drifted."
    )
    features: float = Field(
        default=0.2, gt=0, le=1, description="Share of the features that may have drifted."
    )
    calibration: float = Field(
        default=1.5, gt=1, description="Factor between the purchases that were foreseen and those that came."
    )
    new_items: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of clicks on items that the version does not know, beyond that on its validation.",
    )
