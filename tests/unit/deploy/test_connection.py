"""KAFKA_* variables become client arguments, or one clear complaint."""

import ssl
import subprocess

import faust
import pytest
from pydantic import ValidationError

from streams.config.connection import Connection, ConnectionSettingsError

USER = {"sasl_username": "shop", "sasl_password": "secret"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            *["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "1"],
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_plain_connection_needs_an_address_only(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2")
    expected = {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}
    assert Connection().aiokafka() == Connection().kafka_python() == expected
    assert Connection().faust_credentials() is None


def test_sasl_over_tls_reaches_every_client(monkeypatch, certificate):
    cert, key = certificate
    settings = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SSL_CAFILE": str(cert),
        "KAFKA_SSL_CERTFILE": str(cert),
        "KAFKA_SSL_KEYFILE": str(key),
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "shop",
        "KAFKA_SASL_PASSWORD": "secret",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    arguments = Connection().aiokafka()
    assert isinstance(arguments.pop("ssl_context"), ssl.SSLContext)
    assert arguments == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "shop",
        "sasl_plain_password": "secret",
    }
    credentials = Connection().faust_credentials()
    assert isinstance(credentials, faust.SASLCredentials)
    assert credentials.protocol.value == "SASL_SSL"
    assert (credentials.username, credentials.password, credentials.mechanism.value) == (
        "shop",
        "secret",
        "SCRAM-SHA-512",
    )


def test_faust_protocols_follow(certificate):
    assert isinstance(Connection(security_protocol="SSL").faust_credentials(), faust.SSLCredentials)
    assert (
        Connection(security_protocol="SASL_PLAINTEXT", **USER).faust_credentials().protocol.value
        == "SASL_PLAINTEXT"
    )


def test_the_password_is_never_shown():
    assert "'secret'" not in repr(Connection(security_protocol="SASL_SSL", **USER))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"security_protocol": "SASL_SSL"}, "KAFKA_SASL_USERNAME is not set"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "shop"}, "KAFKA_SASL_PASSWORD is not set"),
        (USER, "KAFKA_SECURITY_PROTOCOL is PLAINTEXT"),
        ({"ssl_cafile": "/ca.pem"}, "KAFKA_SSL_CAFILE is set but KAFKA_SECURITY_PROTOCOL is PLAINTEXT"),
        ({"security_protocol": "SSL", "ssl_cafile": "/no/ca.pem"}, "/no/ca.pem: no such file"),
        ({"security_protocol": "SSL", "ssl_keyfile": "/no/key.pem"}, "KAFKA_SSL_KEYFILE is set without"),
        ({"bootstrap_servers": "localhost"}, "'localhost': expected host:port"),
        ({"bootstrap_servers": ""}, "'': expected host:port"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, complaint):
    with pytest.raises(ConnectionSettingsError, match=complaint):
        Connection(**settings)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ValidationError, match="SASL_PLAINTEXT"):
        Connection(security_protocol="TLS")


def test_a_file_that_is_no_certificate_is_refused(tmp_path):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("not a certificate")
    with pytest.raises(ConnectionSettingsError, match="expected PEM"):
        Connection(security_protocol="SSL", ssl_cafile=wrong).aiokafka()


@pytest.fixture(scope="module")
def encrypted(certificate, tmp_path_factory):
    """The certificate, and its key under a passphrase."""
    cert, key = certificate
    locked = tmp_path_factory.mktemp("locked") / "key.pem"
    command = ["openssl", "rsa", "-aes256", "-in", key, "-out", locked, "-passout", "pass:open sesame"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, locked


def test_a_key_with_a_passphrase_is_opened_by_the_setting(encrypted):
    cert, key = encrypted
    files = {"security_protocol": "SSL", "ssl_certfile": cert, "ssl_keyfile": key}
    assert isinstance(Connection(**files, ssl_key_password="open sesame").ssl_context(), ssl.SSLContext)


@pytest.mark.parametrize(
    ("word", "state"), [(None, "is not set"), ("", "does not open"), ("no", "does not open")]
)
def test_without_its_passphrase_nobody_is_asked(encrypted, word, state, monkeypatch):
    cert, key = encrypted
    files = {"security_protocol": "SSL", "ssl_certfile": cert, "ssl_keyfile": key}
    with pytest.raises(
        ConnectionSettingsError, match=rf"key.pem is encrypted and KAFKA_SSL_KEY_PASSWORD {state}"
    ):
        Connection(**files, ssl_key_password=word).ssl_context()
