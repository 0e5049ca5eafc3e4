"""The dashboard's settings, each an environment variable `PATHCAST_GATEWAY_…`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardSettings(BaseSettings):
    """The dashboard of one gateway process. Read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_GATEWAY_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    dashboard: bool = Field(
        default=True,
        description="Serve the dashboard at `/dashboard`. It reads the topics once somebody looks at it.",
    )
    dashboard_minutes: float = Field(
        default=60.0,
        gt=0,
        le=60,
        description="Minutes of the past that the dashboard reads, at most 200,000 records of a partition.",
    )
    demand: Path | None = Field(
        default=None,
        description="File of `pathcast demand --json`, whose forecasts the dashboard shows; read again when "
        "it changes.",
    )
