"""What the gate demands: environment variables `PATHCAST_GATE_…`, from which `docs/settings.md` is made."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GateSettings(BaseSettings):
    """Limits of the gate. A floor that the incumbent misses as well gives way to the incumbent's figure."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_GATE_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    least_visitors: int = Field(
        default=200, ge=2, description="Visitors that the newest slice must have for anything to be judged."
    )
    least_buyers: int = Field(
        default=20,
        ge=1,
        description="Of them, visitors who bought after a click; of a log without any purchase none.",
    )
    margin: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="A candidate that is not better counts as equal only if it is surely (97.5%) not worse "
        "than the incumbent by more than this share of the incumbent's figure.",
    )
    calibration: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="Largest mean gap between purchase probability and frequency (ECE, 15 bins).",
    )
    coverage: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Least share of the known items that are in any list of 20, of as many as the lists "
        "could hold.",
    )
    microseconds: float = Field(
        default=2000.0, gt=0, le=1e9, description="Longest time to score a click in a chunk of 256 (µs)."
    )
    megabytes: float = Field(default=500.0, gt=0, le=1e6, description="Largest version on disk (MB).")
    require_fresher: bool = Field(
        default=True, description="An equal candidate must have seen newer sessions than the incumbent."
    )
    shadow_events: int = Field(
        default=0,
        ge=0,
        le=200_000,
        description="Live clicks on which workers must have compared a candidate that passed with what "
        "serves before it is promoted; 0: none.",
    )
    shadow_minutes: float = Field(
        default=120.0,
        gt=0,
        le=100_000,
        description="Time for it; a candidate that saw less traffic by then is refused.",
    )
    shadow_outcomes: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Of these clicks, the share whose session must have bought or ended.",
    )
    shadow_latency: float = Field(
        default=1.5, gt=0, le=1000, description="Longest median time, as a multiple of the incumbent's."
    )
    shadow_calibration: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="How much larger than the incumbent's the calibration error on live clicks may be.",
    )
