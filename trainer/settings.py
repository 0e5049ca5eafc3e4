"""The trainer's settings, each an environment variable `PATHCAST_TRAINER_…`; see `docs/settings.md`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.data_folders import data_folder, documented

#: What a run takes before it has read a click, and for each click (docs/trainer/trainer.md).
BASE_MB = 1_700
BYTES_PER_CLICK = 10_000
#: Less than this leaves too little for clicks.
LEAST_MB = 1_800


class TrainerSettings(BaseSettings):
    """The event log, and the process that writes it and learns from it. Read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_TRAINER_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    log: str = Field(
        default_factory=lambda: data_folder("eventlog", os.environ),
        json_schema_extra={**documented("eventlog")},
        description="Where the event log is: a folder, or an fsspec URL such as `s3://bucket/events` "
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
        description="Name of this process in the group, another one for each: restarted under it, it gets "
        "its partitions back at once. Unset: after 10 seconds.",
    )
    commit_rows: int = Field(
        default=50_000,
        ge=1,
        le=5_000_000,
        description="Rows that are committed to the event log at once at most; so many are held in memory.",
    )
    commit_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="Rows wait so long for their commit at most."
    )
    refused_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of a table's rows that may be refused by the contract; more is an alarm, in the "
        "log lines of who writes the event log and of `pathcast log stats`.",
    )
    metrics: Path | None = Field(
        default=None,
        description="File for gauges of the event log, which `pathcast trainer` writes every five minutes "
        "for Prometheus' textfile collector. Unset: none.",
    )
    keep_clicks_days: float = Field(
        default=365, gt=0, le=36_500, description="Days that the event log keeps clicks."
    )
    keep_ad_decisions_days: float = Field(
        default=365, gt=0, le=36_500, description="Days that the event log keeps decisions."
    )
    keep_purchase_intent_days: float = Field(
        default=30, gt=0, le=36_500, description="Days that the event log keeps purchase intents."
    )
    keep_recommendations_days: float = Field(
        default=30, gt=0, le=36_500, description="Days that the event log keeps recommendations."
    )

    workdir: Path = Field(
        default_factory=lambda: Path(data_folder("trainer", os.environ)),
        json_schema_extra={**documented("trainer")},
        description="Folder of `pathcast trainer`: the run that is under way, its checkpoint, its copy "
        "of the newest clicks.",
    )
    every_minutes: float | None = Field(
        default=1440.0, gt=0, le=5_256_000, description="Train so long after the last run, if clicks came."
    )
    every_clicks: int | None = Field(
        default=None, ge=1, description="Train after so many new clicks. Unset: never because of them."
    )
    drift_minutes: float | None = Field(
        default=360.0,
        gt=0,
        le=5_256_000,
        description="Look for drift so often, and train where there is any.",
    )
    adapt_minutes: float | None = Field(
        default=None,
        gt=0,
        le=5_256_000,
        description="Between runs, take the serving version a small step further so often, through the gate. "
        "Unset: never.",
    )
    adapt_keep_hours: float = Field(
        default=24.0,
        gt=0,
        le=87_600,
        description="How long such small versions are kept that neither serve nor served lately.",
    )
    warm: bool = Field(
        default=False,
        description="Runs begin with what the serving version has learned, not from scratch, where its form "
        "fits.",
    )
    memory_mb: int = Field(
        default=4096,
        ge=LEAST_MB,
        le=1_048_576,
        description="Memory of a run: it learns from as many of the newest clicks as fit into it.",
    )
    holdout: float = Field(
        default=0.1, ge=0, le=0.9, description="Share of the newest clicks that is left for the gate."
    )
    baselines: bool = Field(
        default=True,
        description="Train baselines (logistic regression and others) with each version, for the gate's "
        "report. It decides without them.",
    )
    config: Path | None = Field(
        default=None, description="TOML file of training settings, as `pathcast train --config` reads it."
    )
    epochs_minutes: float = Field(
        default=60.0,
        gt=0,
        le=10_080,
        description="Time for the epochs of a run. One that this ends early, and that was killed before, is "
        "not what it would have been undisturbed.",
    )

    nice: int = Field(
        default=5,
        ge=0,
        le=19,
        description="How much a run gives way to whatever else the machine does (`nice`): workers beside it "
        "need the processor first. 0: not at all; beyond 5 a run hardly gets on where they need all of it.",
    )

    @property
    def most_clicks(self) -> int:
        """Clicks that a run can learn from within its memory."""
        return (self.memory_mb - BASE_MB) * 2**20 // BYTES_PER_CLICK

    @property
    def keep_days(self) -> dict[str, float]:
        """Days that are kept, by table of the event log."""
        from trainer.eventlog.log_tables import TABLES  # brings polars, which settings are read without

        return {table.name: getattr(self, f"keep_{table.setting}_days") for table in TABLES}
