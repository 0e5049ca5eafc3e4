"""The gateway's settings, each an environment variable `PATHCAST_GATEWAY_…`."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.data_folders import data_folder, documented


class GatewaySettings(BaseSettings):
    """One gateway process. Read once at start; only the file of tokens is looked at again."""

    model_config = SettingsConfigDict(
        env_prefix="PATHCAST_GATEWAY_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Other than loopback it needs `PATHCAST_GATEWAY_TOKENS`.",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    tokens: Path | None = Field(
        default=None,
        description="TOML file of tokens, as `pathcast gateway token` writes it; followed while the gateway "
        "runs. Unset: callers on this machine need none and have every role, others are refused.",
    )
    tls_cert: Path | None = Field(default=None, description="Certificate chain (PEM); unset: plain HTTP.")
    tls_key: Path | None = Field(default=None, description="Key (PEM) of that certificate.")
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may read answers, separated by commas, as "
        "`https://shop.example`. Empty: none may.",
    )
    workers: str = Field(
        default="http://127.0.0.1:6066",
        description="Addresses of the workers' HTTP endpoints, separated by commas. A name with several "
        "addresses stands for all of them.",
    )
    max_body_bytes: int = Field(
        default=1 << 20, ge=1024, le=1 << 28, description="A larger request is refused with 413."
    )
    max_depth: int = Field(
        default=16, ge=4, le=200, description="Most levels of objects and arrays in a request."
    )
    max_events: int = Field(
        default=500, ge=1, le=10_000, description="Most events in one request; more are refused with 413."
    )
    request_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Time in which a request must have arrived, its body included.",
    )
    waiting_events: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Most events that wait for Kafka's acknowledgement; beyond it, callers get 429.",
    )
    delivery_seconds: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="Time for Kafka to acknowledge an event; after it, callers get 503.",
    )
    predict: bool = Field(
        default=True,
        description="Whether to load the announced model, for `/v1/predict` and items; without it a gateway "
        "starts sooner and needs less memory.",
    )
    datadir: Path = Field(
        default_factory=lambda: Path(data_folder("gateway", os.environ)),
        json_schema_extra={**documented("gateway")},
        description="Folder for copies of versions, where `PATHCAST_REGISTRY` is a URL.",
    )
    answers_timeout_ms: int = Field(
        default=150,
        ge=1,
        le=60_000,
        description="How long `answers=1` waits for answers where the caller does not say.",
    )
    answers_mb: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Memory for answers kept for `/v1/answers`, some 5 kB an event; the oldest go first.",
    )
    answers_seconds: float = Field(
        default=120.0, gt=0, le=86_400, description="How long answers are kept for `/v1/answers`."
    )
    requests_per_second: float = Field(
        default=200.0,
        gt=0,
        le=1e6,
        description="Most requests of one token in a second, where its entry in the file says nothing.",
    )
    unknown_fields: Literal["refuse", "ignore"] = Field(
        default="refuse",
        description="Whether an event of the contract's own form may have fields that it does not know.",
    )
    connections: int = Field(
        default=1_000, ge=1, le=100_000, description="Most connections at a time; others get 503."
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the gateway."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def origins(self) -> list[str]:
        """The origins of `cors_origins`."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]
