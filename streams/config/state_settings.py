"""Settings of time: how events' times are read, and when a visitor's state changes by itself."""

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from models.analytics.analytics_config import AnalyticsConfig
from models.contract.times import ZoneError, zone_named
from models.durations import DAY_MS, HOUR_MS, MINUTE_MS
from models.sessions.lifecycle import SessionConfig
from models.state.exposure import ExposureConfig
from models.state.panes import PaneConfig


class StateSettings(BaseSettings):
    """The part of `WorkerSettings` that decides what a click does to the state."""

    session_gap_minutes: float = Field(
        default=30.0, gt=0, le=44_640, description="Inactivity (event time) that ends a session."
    )
    allowed_lateness_minutes: float = Field(
        default=5.0,
        ge=0,
        le=525_600,
        description="How much older than the visitor's last click one may be (event time).",
    )
    clock_tolerance_minutes: float = Field(
        default=20.0,
        ge=0,
        le=1440,
        description="Clocks of a visitor's browser and of the shop's servers may disagree this much. A "
        "click older than the visitor's last one, but close to its own record's timestamp, is taken in "
        "order of arrival.",
    )
    time_zone: str = Field(
        default="UTC",
        description="Time zone of event times that name none, such as `Europe/Berlin`: for workers, the "
        "trainer and commands that read logs.",
    )
    churn_days: float = Field(
        default=30.0, gt=0, le=3650, description="Absence (event time) that marks a visitor as churned."
    )
    visitor_ttl_days: float = Field(
        default=180.0, gt=0, le=3650, description="Absence (event time) after which a visitor is forgotten."
    )
    pane_hours: int = Field(
        default=48,
        ge=1,
        le=8784,
        description="How long hourly panes of counts over all visitors of a partition are kept (event time).",
    )
    analytics_hours: int = Field(
        default=48,
        ge=1,
        le=744,
        description="How long panes of analytics, of ten minutes each, are kept (event time).",
    )
    analytics_seconds: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Least seconds between two publications of a partition's analytics.",
    )
    attribution_hours: float = Field(
        default=24.0, gt=0, le=8760, description="How long a decision waits for its outcome (event time)."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zone_named(value)
        except ZoneError as error:
            raise ValueError(str(error)) from error
        return value

    def session_config(self) -> SessionConfig:
        """The times of a visitor's state, in ms. Raises StateError for times that contradict each other."""
        return SessionConfig(
            gap_ms=int(self.session_gap_minutes * MINUTE_MS),
            lateness_ms=int(self.allowed_lateness_minutes * MINUTE_MS),
            clock_ms=int(self.clock_tolerance_minutes * MINUTE_MS),
            churn_ms=int(self.churn_days * DAY_MS),
            ttl_ms=int(self.visitor_ttl_days * DAY_MS),
            exposure=ExposureConfig(int(self.attribution_hours * HOUR_MS)),
        )

    def analytics_config(self) -> AnalyticsConfig:
        """How long panes of analytics are kept, and how often they are published."""
        return AnalyticsConfig(
            retention_ms=self.analytics_hours * HOUR_MS, fold_seconds=self.analytics_seconds
        )

    def pane_config(self) -> PaneConfig:
        """How long panes are kept, in ms."""
        return PaneConfig(retention_ms=self.pane_hours * HOUR_MS)
