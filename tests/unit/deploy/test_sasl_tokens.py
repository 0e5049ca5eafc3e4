"""OAUTHBEARER and AWS_MSK_IAM: what each client library is handed, and where its tokens come from."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs

import aiokafka.abc
import faust
import pytest
from kafka.net.sasl.oauth import SaslMechanismOAuth

from streams.config import connection as module
from streams.config.connection import Connection, ConnectionSettingsError
from streams.config.sasl_tokens import SIGNER, KeptToken, Token, TokenError

OVER_TLS = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
MSK = {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM", "aws_region": "eu-west-1"}


@pytest.fixture
def server():
    """An OAuth server; it keeps the requests, and its answer can be changed."""
    found = SimpleNamespace(requests=[], answer=(200, {"access_token": "t0ken", "expires_in": 300}))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.requests.append((self.headers["Authorization"], parse_qs(form)))
            status, answer = found.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *arguments): ...

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{http.server_port}/token"
    yield found
    http.shutdown()
    thread.join()
    http.server_close()


def by_server(server, **further):
    own = {
        "sasl_oauth_token_url": server.url,
        "sasl_oauth_client_id": "shop",
        "sasl_oauth_client_secret": "s:1",
    }
    return Connection(**OVER_TLS, **own, **further)


async def told(connection):
    """The tokens that aiokafka's, kafka-python's and Faust's clients get."""
    theirs, ours = connection.aiokafka(), connection.kafka_python()
    assert theirs["sasl_mechanism"] == ours["sasl_mechanism"] == "OAUTHBEARER"
    assert "sasl_plain_username" not in theirs
    assert isinstance(theirs["sasl_oauth_token_provider"], aiokafka.abc.AbstractTokenProvider)
    said = SaslMechanismOAuth(**ours).auth_bytes().decode()
    credentials = connection.faust_credentials()
    assert isinstance(credentials, faust.auth.OAuthCredentials)
    assert credentials.protocol.value == connection.security_protocol
    tokens = {await theirs["sasl_oauth_token_provider"].token(), await credentials.oauth_cb.token()}
    return tokens | {said.removeprefix("n,,\x01auth=Bearer ").removesuffix("\x01\x01")}


async def test_a_token_from_an_oauth_server_reaches_every_client(server):
    assert await told(by_server(server, sasl_oauth_scope="kafka")) == {"t0ken"}
    authorization, form = server.requests[0]
    assert authorization == "Basic c2hvcDpzJTNBMQ=="
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}


async def test_a_token_from_a_file_reaches_every_client_and_is_read_again(tmp_path):
    file = tmp_path / "token"
    connection = Connection(**OVER_TLS, sasl_oauth_token_file=file)
    provider = connection.kafka_python()["sasl_oauth_token_provider"]
    with pytest.raises(TokenError, match="KAFKA_SASL_OAUTH_TOKEN_FILE"):
        provider.token()
    for text in ("first", "second"):
        file.write_text(f"{text}\n")
        assert await told(connection) == {text}
        assert provider.token() == text


async def test_a_token_signed_for_msk_reaches_every_client(monkeypatch):
    regions = []

    class Signer:
        @staticmethod
        def generate_auth_token(region):
            regions.append(region)
            return "signed", int((time.time() + 900) * 1000)

    monkeypatch.setitem(sys.modules, SIGNER, SimpleNamespace(MSKAuthTokenProvider=Signer))
    monkeypatch.setattr(module, "has_signer", lambda: True)
    assert await told(Connection(**MSK)) == {"signed"}
    assert set(regions) == {"eu-west-1"}


def test_without_aws_credentials_the_error_says_what_to_set(monkeypatch):
    def refuse(region):
        raise RuntimeError("no credentials")

    signer = SimpleNamespace(MSKAuthTokenProvider=SimpleNamespace(generate_auth_token=refuse))
    monkeypatch.setitem(sys.modules, SIGNER, signer)
    monkeypatch.setattr(module, "has_signer", lambda: True)
    with pytest.raises(TokenError, match=r"eu-west-1.*AWS_PROFILE"):
        Connection(**MSK).kafka_python()["sasl_oauth_token_provider"].token()


def test_a_token_is_kept_for_most_of_its_life():
    made, now = [], [0.0]

    def source():
        made.append(now[0])
        return Token(f"t{len(made)}", 100)

    kept = KeptToken(source, lambda: now[0])
    for moment, expected in ((0, "t1"), (79, "t1"), (80, "t2"), (159, "t2"), (160, "t3")):
        now[0] = moment
        assert kept.text() == expected


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"error": "invalid_client"}),
        (200, {}),
        (200, ["t"]),
        (200, {"access_token": "t", "expires_in": "x"}),
    ],
)
def test_an_oauth_server_that_gives_no_token_is_named(server, answer):
    server.answer = answer
    with pytest.raises(TokenError, match=r"KAFKA_SASL_OAUTH_TOKEN_URL http.*KAFKA_SASL_OAUTH_CLIENT_ID"):
        by_server(server).kafka_python()["sasl_oauth_token_provider"].token()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (OVER_TLS, "KAFKA_SASL_OAUTH_TOKEN_FILE or KAFKA_SASL_OAUTH_TOKEN_URL is not set"),
        (OVER_TLS | {"sasl_oauth_token_url": "http://x"}, "KAFKA_SASL_OAUTH_CLIENT_ID is not set"),
        (
            OVER_TLS | {"sasl_oauth_token_url": "http://x", "sasl_oauth_client_id": "shop"},
            "KAFKA_SASL_OAUTH_CLIENT_SECRET is not set",
        ),
        (MSK | {"aws_region": None}, "KAFKA_AWS_REGION is not set"),
        (MSK | {"security_protocol": "SASL_PLAINTEXT"}, "needs KAFKA_SECURITY_PROTOCOL SASL_SSL"),
        (MSK, r"pip install 'pathcast\[msk\]'"),
    ],
)
def test_what_is_missing_is_named(settings, complaint, monkeypatch):
    monkeypatch.setattr(module, "has_signer", lambda: False)
    with pytest.raises(ConnectionSettingsError, match=complaint):
        Connection(**settings)
