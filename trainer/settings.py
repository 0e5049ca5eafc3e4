"""Settings of the trainer: environment variables `PATHCAST_TRAINER_…`, the source of `docs/settings.md`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.data_folders import data_folder, documented

#: Memory of a run without clicks (MB), and for each click (bytes); docs/trainer/trainer.md has measurements.
BASE_MB = 1_700
BYTES_PER_CLICK = 10_000
#: Smallest memory setting; less would leave too little for clicks.
LEAST_MB = 1_800


class TrainerSettings(BaseSettings):
    """Settings of the event log and of the process that writes it and trains from it. Read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_TRAINER_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    log: str = Field(
        default_factory=lambda: data_folder("eventlog", os.environ),
        json_schema_extra={**documented("eventlog")},
        description="Location of the event log: a folder, or an fsspec URL such as `s3://bucket/events` "
        "(install its package, such as s3fs).",
    )
    group: str = Field(
        default="pathcast-trainer",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Consumer group of the processes that write the event log.",
    )
    instance: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Name of this process in the group, different for each process. After a restart under "
        "the same name it gets its partitions back at once. Unset: after 10 seconds.",
    )
    commit_rows: int = Field(
        default=50_000,
        ge=1,
        le=5_000_000,
        description="Most rows in one commit to the event log; they are held in memory.",
    )
    commit_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="Longest wait of a row for its commit (seconds)."
    )
    refused_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Largest share of a table's rows that the contract may refuse; above it the writer of "
        "the event log and `pathcast log stats` raise an alarm.",
    )
    unusable_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Largest share of a log file's rows that cannot be used, because their visitor, time or "
        "event cannot be read; above it commands refuse the log. Below it they say what is lost.",
    )
    metrics: Path | None = Field(
        default=None,
        description="File to which `pathcast trainer` writes gauges of the event log every five minutes, for "
        "Prometheus' textfile collector. Unset: none.",
    )
    keep_clicks_days: float = Field(
        default=365, gt=0, le=36_500, description="Days that the event log keeps clicks."
    )
    keep_ad_decisions_days: float = Field(
        default=365, gt=0, le=36_500, description="Days that the event log keeps decisions."
    )
    keep_rewards_days: float = Field(
        default=365, gt=0, le=36_500, description="Days that the event log keeps rewards."
    )
    keep_purchase_intent_days: float = Field(
        default=30, gt=0, le=36_500, description="Days that the event log keeps purchase intents."
    )
    keep_recommendations_days: float = Field(
        default=30, gt=0, le=36_500, description="Days that the event log keeps recommendations."
    )
    keep_recommendation_outcomes_days: float = Field(
        default=365,
        gt=0,
        le=36_500,
        description="Days that the event log keeps what became of recommendations.",
    )

    workdir: Path = Field(
        default_factory=lambda: Path(data_folder("trainer", os.environ)),
        json_schema_extra={**documented("trainer")},
        description="Working folder of `pathcast trainer`: the current run, its checkpoint, its copy of the "
        "newest clicks.",
    )
    every_minutes: float | None = Field(
        default=1440.0, gt=0, le=5_256_000, description="Minutes between runs; a run also needs new clicks."
    )
    every_clicks: int | None = Field(
        default=None, ge=1, description="Number of new clicks after which a run starts. Unset: no such run."
    )
    drift_minutes: float | None = Field(
        default=360.0,
        gt=0,
        le=5_256_000,
        description="Minutes between drift checks; drift starts a run.",
    )
    adapt_minutes: float | None = Field(
        default=None,
        gt=0,
        le=5_256_000,
        description="Minutes between incremental updates of the serving version, which pass the gate. "
        "Unset: none.",
    )
    adapt_keep_hours: float = Field(
        default=24.0,
        gt=0,
        le=87_600,
        description="Hours that versions made by incremental updates are kept if they neither serve nor "
        "served lately.",
    )
    calibration_minutes: float | None = Field(
        default=60.0,
        gt=0,
        le=5_256_000,
        description="Minutes between looks at the outcomes of published purchase probabilities "
        "(PATHCAST_CALIBRATION_*).",
    )
    warm: bool = Field(
        default=False,
        description="Start runs from the serving version's weights instead of from scratch, if its network "
        "has the same form.",
    )
    memory_mb: int = Field(
        default=4096,
        ge=LEAST_MB,
        le=1_048_576,
        description="Memory of a run (MB): it trains on as many of the newest clicks as fit.",
    )
    holdout: float = Field(
        default=0.1, ge=0, le=0.9, description="Share of the newest clicks that is held out for the gate."
    )
    baselines: bool = Field(
        default=True,
        description="Train baselines (logistic regression and others) with each version, for the gate's "
        "report.",
    )
    config: Path | None = Field(
        default=None, description="TOML file of training settings, as `pathcast train --config` reads it."
    )
    epochs_minutes: float = Field(
        default=60.0,
        gt=0,
        le=10_080,
        description="Time budget for the epochs of a run (minutes). If it ends a run early that was killed "
        "and resumed before, the result differs from that of an undisturbed run.",
    )

    pacer: bool = Field(
        default=False,
        description="Also grant the budgets of PATHCAST_ACTIONS, as `pathcast pacer` does; run one of them.",
    )
    nice: int = Field(
        default=5,
        ge=0,
        le=19,
        description="Nice value of a run's process, so that workers on the same machine get the processor "
        "first. 0: same priority; above 5 a run hardly progresses if workers need the whole processor.",
    )

    @property
    def most_clicks(self) -> int:
        """Largest number of clicks that a run can train on within its memory."""
        return (self.memory_mb - BASE_MB) * 2**20 // BYTES_PER_CLICK

    @property
    def keep_days(self) -> dict[str, float]:
        """Retention in days, by table of the event log."""
        from trainer.eventlog.log_tables import TABLES  # imported here, because it imports polars

        return {table.name: getattr(self, f"keep_{table.setting}_days") for table in TABLES}
