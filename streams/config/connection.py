"""How to reach Kafka: one set of KAFKA_* variables for every client library in use."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import PathcastError


class ConnectionSettingsError(PathcastError):
    """The KAFKA_* variables contradict each other, or name files that cannot be read."""


class Connection(BaseSettings):
    """Address and credentials of a Kafka cluster, from the environment (KAFKA_BOOTSTRAP_SERVERS and so on).

    Raises ConnectionSettingsError where settings do not fit together.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore")

    bootstrap_servers: str = Field(
        default="127.0.0.1:9092", description="Comma-separated host:port pairs to start from."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="How to speak to the brokers: encrypted, authenticated, both or neither.",
    )
    ssl_cafile: Path | None = Field(
        default=None, description="CA certificates (PEM) that sign the brokers' certificates."
    )
    ssl_certfile: Path | None = Field(
        default=None, description="This client's certificate (PEM), for mutual TLS."
    )
    ssl_keyfile: Path | None = Field(default=None, description="The key (PEM) of that certificate.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="How to authenticate when the protocol is SASL_*."
    )
    sasl_username: str | None = Field(default=None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for SASL; never logged.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complaint = self._address_complaint() or self._sasl_complaint() or self._tls_complaint()
        if complaint:
            raise ConnectionSettingsError(complaint)
        return self

    def _address_complaint(self) -> str | None:
        for server in self.servers or [""]:
            host, colon, port = server.rpartition(":")
            if not (host and colon and port.isdigit()):
                return f"KAFKA_BOOTSTRAP_SERVERS has {server!r}: expected host:port[,host:port...]"
        return None

    def _sasl_complaint(self) -> str | None:
        named = self.sasl_username is not None or self.sasl_password is not None
        if self._sasl and not (self.sasl_username and self.sasl_password):
            missing = "KAFKA_SASL_PASSWORD" if self.sasl_username else "KAFKA_SASL_USERNAME"
            return f"KAFKA_SECURITY_PROTOCOL is {self.security_protocol} but {missing} is not set: set it"
        if named and not self._sasl:
            return (
                f"credentials for SASL are set but KAFKA_SECURITY_PROTOCOL is {self.security_protocol}: "
                "set it to SASL_SSL (or SASL_PLAINTEXT), or unset the credentials"
            )
        return None

    def _tls_complaint(self) -> str | None:
        files = {name: getattr(self, name) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
        given = {f"KAFKA_{name.upper()}": path for name, path in files.items() if path is not None}
        if given and not self._tls:
            return (
                f"{next(iter(given))} is set but KAFKA_SECURITY_PROTOCOL is {self.security_protocol}: set "
                "it to SSL or SASL_SSL"
            )
        if self.ssl_keyfile and not self.ssl_certfile:
            return "KAFKA_SSL_KEYFILE is set without KAFKA_SSL_CERTFILE: set both, or neither"
        unreadable = [f"{name} is {path}: no such file" for name, path in given.items() if not path.is_file()]
        return unreadable[0] if unreadable else None

    @property
    def servers(self) -> list[str]:
        """The bootstrap servers, one `host:port` each."""
        return [server.strip() for server in self.bootstrap_servers.split(",") if server.strip()]

    @property
    def _sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    @property
    def _tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, or None without TLS. Raises ConnectionSettingsError if a file is no PEM."""
        if not self._tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_cafile)
            if self.ssl_certfile:
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionSettingsError(
                f"a file of KAFKA_SSL_CAFILE, _CERTFILE or _KEYFILE cannot be used ({error}): expected PEM "
                "files, the key without a passphrase and belonging to the certificate"
            ) from error
        return context

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for aiokafka's clients."""
        return self._clients(self.servers)

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python's clients (they are named like aiokafka's)."""
        return self._clients(self.servers)

    def _clients(self, servers: Sequence[str]) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "bootstrap_servers": servers,
            "security_protocol": self.security_protocol,
        }
        if self._tls:
            arguments["ssl_context"] = self.ssl_context()
        if self._sasl:
            arguments["sasl_mechanism"] = self.sasl_mechanism
            arguments["sasl_plain_username"] = self.sasl_username
            arguments["sasl_plain_password"] = self._password
        return arguments

    @property
    def _password(self) -> str | None:
        return self.sasl_password.get_secret_value() if self.sasl_password else None

    def faust_credentials(self) -> Any:
        """What Faust's `broker_credentials` wants: SSLCredentials, SASLCredentials, or None."""
        import faust

        if self._sasl:
            return faust.SASLCredentials(
                username=self.sasl_username,
                password=self._password,
                mechanism=self.sasl_mechanism,
                ssl_context=self.ssl_context(),
            )
        return faust.SSLCredentials(self.ssl_context()) if self._tls else None
