"""Listening: TLS, and what is wrong with an address or a certificate."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.service.serving import GatewaySetUpError, bound, serve
from tests.gateways import TestGateway, event, gateway_settings, listening


def certificate(folder):
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return cert_path, key_path


async def test_events_are_taken_over_tls(tmp_path):
    cert, key = certificate(tmp_path)
    gateway = TestGateway(gateway_settings(port=0, tls_cert=cert, tls_key=key))
    trusted = ssl.create_default_context(cafile=str(cert))
    async with listening(gateway.app, gateway.settings) as port:
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trusted) as client:
            assert (await client.post("/v1/events", json=event())).status_code == 200
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            with pytest.raises(httpx.HTTPError):
                await client.get("/healthz")


def test_a_certificate_that_is_none_is_told(tmp_path):
    (tmp_path / "cert.pem").write_text("nothing")
    settings = gateway_settings(port=0, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "cert.pem")
    with pytest.raises(GatewaySetUpError, match="PATHCAST_GATEWAY_TLS_CERT"):
        serve(TestGateway(gateway_settings()).app, settings)


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(GatewaySetUpError, match=f"127.0.0.1:{port}.*PATHCAST_GATEWAY_PORT"):
            bound(gateway_settings(port=port))


def test_a_host_that_is_none_is_told():
    with pytest.raises(GatewaySetUpError, match="PATHCAST_GATEWAY_HOST"):
        bound(gateway_settings(host="nowhere.invalid"))
