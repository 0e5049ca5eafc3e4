"""Thresholds of the gate: environment variables `PATHCAST_GATE_…`, the source of `docs/settings.md`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GateSettings(BaseSettings):
    """Thresholds of the gate. If the incumbent misses a floor too, its own figure replaces that floor."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_GATE_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    least_visitors: int = Field(
        default=200,
        ge=2,
        description="Fewest visitors in the newest slice; with fewer the candidate is refused.",
    )
    least_buyers: int = Field(
        default=20,
        ge=1,
        description="Fewest of these visitors who bought after a click; not required of a log without any "
        "purchase.",
    )
    margin: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="A candidate that is not better counts as equal only if, with 97.5% confidence, it is "
        "not worse than the incumbent by more than this share of the incumbent's figure.",
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
        description="Smallest share of the known items that appear in any list of 20, relative to how many "
        "the lists could hold.",
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
        description="Live clicks on which workers must compare a candidate that passed with the serving "
        "version before it is promoted; 0: none.",
    )
    shadow_minutes: float = Field(
        default=120.0,
        gt=0,
        le=100_000,
        description="Time limit for this comparison; a candidate that saw less traffic by then is refused.",
    )
    shadow_outcomes: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Smallest share of these clicks whose session must have bought or ended.",
    )
    shadow_latency: float = Field(
        default=1.5, gt=0, le=1000, description="Longest median time, as a multiple of the incumbent's."
    )
    shadow_calibration: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Largest excess of the calibration error on live clicks over the incumbent's.",
    )
