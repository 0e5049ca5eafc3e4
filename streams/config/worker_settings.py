"""The worker's settings, each an environment variable `PATHCAST_…`; `docs/settings.md` is made from here.

A new setting is a field of `WorkerSettings` and its use, under the same name: `config.settings.<name>` in the
pipeline and in the transport.
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from models.contract.events import Limits
from models.data_folders import data_folder, documented
from streams.config.state_settings import StateSettings
from streams.config.wire_settings import WireSettings

#: Kafka's default of `transaction.max.timeout.ms`.
LONGEST_TRANSACTION_SECONDS = 900


class WorkerSettings(WireSettings, StateSettings):
    """One worker process. Read once at start; nothing is reread while it runs."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    application_id: str = Field(
        default="pathcast",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Consumer group and prefix of the changelog and of transactional ids: one name per "
        "installation, the same for all its workers.",
    )
    datadir: Path = Field(
        default_factory=lambda: Path(data_folder("worker", os.environ)),
        json_schema_extra={**documented("worker")},
        description="Folder of this worker's RocksDB files. One for each worker; it may be lost.",
    )
    registry: str = Field(
        default="registry",
        description="Folder of model versions, as `pathcast train` writes it, or any fsspec URL of "
        "one (`s3://bucket/models`): announced versions are copied from there into the "
        "datadir.",
    )
    actions: Path | None = Field(
        default=None, description="TOML file of the actions to decide between; unset: the shipped example."
    )
    event_map: Path | None = Field(
        default=None,
        description="TOML file that maps producers' event names to the contract's, as `pathcast "
        "train --event-map` reads it; unset: the contract's names and the other names "
        "that it knows.",
    )
    recommendation_rules: Path | None = Field(
        default=None,
        description="TOML file of items not to recommend; unset: only items that the catalogue says "
        "are out of stock or not sold.",
    )
    pseudonym_key_file: Path | None = Field(
        default=None,
        description="File with a secret of at least 32 bytes: keyed hashes replace visitors' and "
        "users' ids as they come in. The same for workers, trainer and commands; "
        "changing it makes every visitor appear new. Unset: ids stay as they are.",
    )
    envelope_key_file: Path | None = Field(
        default=None,
        description="File with a master secret of at least 32 bytes: each visitor's answers are "
        "sealed by the visitor's own key. The master secret wraps that key; it is kept "
        "on `PATHCAST_TOPIC_VISITOR_KEYS` and deleted when the visitor is forgotten. "
        "The same for workers, trainer and commands. Unset: answers are plain.",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(default="auto", description="Where the network runs.")
    deadline_ms: float = Field(
        default=2000.0,
        gt=0,
        le=1e9,
        description="Time from fetching a chunk to its answers (ms). When the network would miss "
        "it, lower fallback tiers (`rung`) answer: session kNN, then popular items.",
    )
    threads: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="Threads that process large cycles while the one before is committed: 1, or 0 for none. "
        "Unset: 1.",
    )
    web_host: str = Field(
        default="127.0.0.1",
        description="Address of the HTTP endpoints. Other than loopback, `/visitors` needs "
        "`PATHCAST_WEB_TOKEN`.",
    )
    web_port: int = Field(
        default=6066, ge=0, le=65535, description="Port of the HTTP endpoints; 0 takes a free one."
    )
    web_token: SecretStr | None = Field(
        default=None, description="Bearer token that `/visitors/{id}` demands; unset: loopback only."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log lines written."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object per line, or text for people."
    )
    idle_seconds: float = Field(
        default=60.0,
        gt=0,
        le=31_536_000,
        description="A partition without records this long lets its event time follow the clock, so "
        "that sessions end even without clicks.",
    )
    max_event_bytes: int = Field(
        default=256 * 1024, ge=1024, description="A larger event becomes a dead letter."
    )
    check_skew: bool = Field(
        default=True, description="Refuse events whose time is far from their Kafka record's timestamp."
    )
    trust_original_time: bool = Field(
        default=True,
        description="Records that carry an `original-time` header (a replay) may be of any age, but not "
        "from the future.",
    )
    chunk_records: int = Field(
        default=2000,
        ge=1,
        le=50_000,
        description="Most clicks fetched at once, and applied in one transaction over all partitions.",
    )
    recent_visitors: int = Field(
        default=100_000,
        ge=0,
        description="Visitors whose records are kept in memory (about 2 kB each, 5 where answers are "
        "sealed), for all partitions together.",
    )
    rebuilds_per_chunk: int = Field(
        default=64,
        ge=0,
        le=50_000,
        description="Visitors whose hidden state a chunk may rebuild after a model swap; a lower "
        "fallback tier answers the others until it is their turn.",
    )
    shadow_share: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="Share of the worker's time in which a challenger is compared with the version in use.",
    )
    explanations_per_chunk: int = Field(
        default=8,
        ge=0,
        le=50_000,
        description="Most explanations in a chunk, for clicks that ask for one (some milliseconds "
        "each); further clicks are answered without.",
    )
    session_timeout_seconds: float = Field(
        default=30.0,
        ge=6,
        le=1800,
        description="Silence after which Kafka gives this worker's partitions to others.",
    )
    transaction_timeout_seconds: float | None = Field(
        default=None,
        ge=1,
        le=LONGEST_TRANSACTION_SECONDS,
        description="Open transactions of a lost worker are aborted after this at the latest. Below the "
        "session timeout, so that a takeover waits for that alone; two thirds of it where not set, at most "
        "900 s, which Kafka allows by default.",
    )
    changelog_replication: int = Field(
        default=1, ge=1, le=100, description="Replication factor of the state's changelog."
    )
    revoked_state_hours: float = Field(
        default=24.0,
        gt=0,
        le=8760,
        description="How long the RocksDB files of a partition stay after it moved to another "
        "worker; state older than 24 hours is rebuilt on its return anyway.",
    )
    block_cache_mb: int = Field(
        default=256,
        ge=8,
        le=1_048_576,
        description="RocksDB's memory for all partitions together: blocks that were read, and data "
        "that is not in a file yet, which takes half of it at most.",
    )

    @field_validator("transaction_timeout_seconds")
    @classmethod
    def _below_session_timeout(cls, value: float | None, others: ValidationInfo) -> float | None:
        session = others.data.get("session_timeout_seconds")
        if value is not None and session is not None and value >= session:
            raise ValueError(f"set it below PATHCAST_SESSION_TIMEOUT_SECONDS, which is {session:g}")
        return value

    @property
    def transaction_timeout_ms(self) -> int:
        """The transaction timeout, given or derived from the session timeout; at most what brokers allow."""
        seconds = self.transaction_timeout_seconds
        derived = min(self.session_timeout_seconds * 2 / 3, LONGEST_TRANSACTION_SECONDS)
        return int(1000 * (derived if seconds is None else seconds))

    def limits(self) -> Limits:
        """What the decoder accepts: the limits of the same names, the others at their defaults."""
        return Limits(
            max_event_bytes=self.max_event_bytes,
            check_skew=self.check_skew,
            trust_original_time=self.trust_original_time,
            time_zone=self.time_zone,
        )
