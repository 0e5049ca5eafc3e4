"""Settings of calibration followed live: `PATHCAST_CALIBRATION_…`, a source of `docs/settings.md`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CalibrationSettings(BaseSettings):
    """When purchase probabilities are shifted, and by how much. Read at each look at the outcomes."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_CALIBRATION_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    follow: bool = Field(
        default=True,
        description="Make a version with shifted purchase probabilities where purchases are more or fewer "
        "than foreseen, beyond noise. false: only measure.",
    )
    days: float = Field(
        default=7.0,
        gt=0,
        le=365,
        description="Days of event time whose answers are compared with what came (at most "
        "PATHCAST_TRAINER_KEEP_PURCHASE_INTENT_DAYS).",
    )
    settled_hours: float = Field(
        default=3.0,
        ge=0,
        le=720,
        description="Hours of event time after its first click from which a session that is over counts. Of "
        "younger sessions only the short ones are over, which buy less.",
    )
    least_sessions: int = Field(
        default=500, ge=2, description="Fewest ended sessions that the serving version answered."
    )
    least_buyers: int = Field(
        default=50,
        ge=1,
        description="Fewest purchases, foreseen or seen, among the sessions that a shift is learned from.",
    )
    level: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Chance that repeated looks at a window of outcomes ever take noise for a gap.",
    )
    confirm: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="Share of the newest sessions that a shift is not learned from: on them it must at least "
        "halve the gap, and the gate judges on them.",
    )
    least_shift: float = Field(
        default=0.1, ge=0, le=8, description="Smallest shift that is made (logit; 0.1 is a tenth more odds)."
    )
    largest_shift: float = Field(
        default=0.7, gt=0, le=8, description="Largest shift in one step (logit; 0.7 doubles the odds)."
    )
    hours: float = Field(
        default=12.0, ge=0, le=8760, description="Fewest hours between two shifts, refused ones included."
    )
