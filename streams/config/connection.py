"""How to reach Kafka: one set of KAFKA_* variables for every client library in use."""

import ssl
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import PathcastError
from streams.config.sasl_tokens import (
    EXTRA,
    KeptToken,
    Source,
    for_msk,
    from_file,
    from_server,
    has_signer,
)


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
    ssl_key_password: SecretStr | None = Field(
        default=None, description="Passphrase of that key, where it is encrypted; it is never asked for."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"] = Field(
        default="PLAIN",
        description="How to authenticate when the protocol is SASL_*. `AWS_MSK_IAM` needs the extra "
        "`pathcast[msk]`.",
    )
    sasl_username: str | None = Field(default=None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for SASL; never logged.")
    sasl_oauth_token_file: Path | None = Field(
        default=None, description="File with the token for `OAUTHBEARER`; it is read at each connection."
    )
    sasl_oauth_token_url: str | None = Field(
        default=None,
        description="OAuth server that gives the token for `OAUTHBEARER`, by client id and secret.",
    )
    sasl_oauth_client_id: str | None = Field(default=None, description="Client id for that server.")
    sasl_oauth_client_secret: SecretStr | None = Field(default=None, description="Secret of that client.")
    sasl_oauth_scope: str | None = Field(default=None, description="Scope to ask that server for.")
    aws_region: str | None = Field(default=None, description="AWS region of the cluster, for `AWS_MSK_IAM`.")

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
        if named and not self._sasl:
            return (
                f"credentials for SASL are set but KAFKA_SECURITY_PROTOCOL is {self.security_protocol}: "
                "set it to SASL_SSL (or SASL_PLAINTEXT), or unset the credentials"
            )
        if not self._sasl:
            return None
        if self.sasl_mechanism == "AWS_MSK_IAM":
            return self._msk_complaint()
        missing = self._missing_for_tokens() if self._by_token else self._missing_for_password()
        if not missing:
            return None
        protocol = self.security_protocol
        return f"KAFKA_SECURITY_PROTOCOL is {protocol} but {missing} is not set: set it"

    def _missing_for_password(self) -> str | None:
        if self.sasl_username and self.sasl_password:
            return None
        return "KAFKA_SASL_PASSWORD" if self.sasl_username else "KAFKA_SASL_USERNAME"

    def _missing_for_tokens(self) -> str | None:
        if self.sasl_oauth_token_file:
            return None
        if not self.sasl_oauth_token_url:
            return "KAFKA_SASL_OAUTH_TOKEN_FILE or KAFKA_SASL_OAUTH_TOKEN_URL"
        if not self.sasl_oauth_client_id:
            return "KAFKA_SASL_OAUTH_CLIENT_ID"
        return None if self.sasl_oauth_client_secret else "KAFKA_SASL_OAUTH_CLIENT_SECRET"

    def _msk_complaint(self) -> str | None:
        if not self._tls:
            protocol = self.security_protocol
            return f"KAFKA_SASL_MECHANISM AWS_MSK_IAM needs KAFKA_SECURITY_PROTOCOL SASL_SSL, not {protocol}"
        if not self.aws_region:
            return "KAFKA_SASL_MECHANISM is AWS_MSK_IAM but KAFKA_AWS_REGION is not set: set it"
        if has_signer():
            return None
        return f"KAFKA_SASL_MECHANISM AWS_MSK_IAM needs a package: pip install 'pathcast[{EXTRA}]'"

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

    @property
    def _by_token(self) -> bool:
        return self.sasl_mechanism in ("OAUTHBEARER", "AWS_MSK_IAM")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, or None without TLS. Raises ConnectionSettingsError if a file is no PEM."""
        if not self._tls:
            return None
        asked = False

        def passphrase() -> str:
            """Called for an encrypted key only; without it OpenSSL would ask at the terminal."""
            nonlocal asked
            asked = True
            return _secret(self.ssl_key_password) or ""

        try:
            context = ssl.create_default_context(cafile=self.ssl_cafile)
            if self.ssl_certfile:
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ConnectionSettingsError(self._unusable(error, asked)) from error
        return context

    def _unusable(self, error: Exception, encrypted: bool) -> str:
        if encrypted:
            state = "is not set" if self.ssl_key_password is None else "does not open it"
            key = self.ssl_keyfile or self.ssl_certfile
            return f"{key} is encrypted and KAFKA_SSL_KEY_PASSWORD {state}: set it to the key's passphrase"
        return (
            f"a file of KAFKA_SSL_CAFILE, _CERTFILE or _KEYFILE cannot be used ({error}): expected PEM "
            "files, the key belonging to the certificate"
        )

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for aiokafka's clients."""
        return self._clients("AiokafkaTokens")

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python's clients (they are named like aiokafka's)."""
        return self._clients("KafkaPythonTokens")

    def _clients(self, provider: Literal["AiokafkaTokens", "KafkaPythonTokens"]) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
        }
        if self._tls:
            arguments["ssl_context"] = self.ssl_context()
        if not self._sasl:
            return arguments
        if self._by_token:
            tokens = self._tokens(provider)
            return arguments | {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": tokens}
        return arguments | {
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": _secret(self.sasl_password),
        }

    def _tokens(self, provider: str) -> Any:
        from streams.config import token_providers  # it imports both client libraries

        return getattr(token_providers, provider)(KeptToken(self._source()))

    def _source(self) -> Source:
        if self.sasl_mechanism == "AWS_MSK_IAM":
            return for_msk(self.aws_region or "")
        if self.sasl_oauth_token_file:
            return from_file(self.sasl_oauth_token_file)
        url, name = self.sasl_oauth_token_url or "", self.sasl_oauth_client_id or ""
        return from_server(url, name, _secret(self.sasl_oauth_client_secret) or "", self.sasl_oauth_scope)

    def faust_credentials(self) -> Any:
        """What Faust's `broker_credentials` wants: credentials for SSL, SASL or OAuth, or None."""
        import faust
        from faust.auth import OAuthCredentials

        if not self._sasl:
            return faust.SSLCredentials(self.ssl_context()) if self._tls else None
        if self._by_token:
            tokens = self._tokens("AiokafkaTokens")
            return OAuthCredentials(oauth_cb=tokens, ssl_context=self.ssl_context())
        return faust.SASLCredentials(
            username=self.sasl_username,
            password=_secret(self.sasl_password),
            mechanism=self.sasl_mechanism,
            ssl_context=self.ssl_context(),
        )


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
