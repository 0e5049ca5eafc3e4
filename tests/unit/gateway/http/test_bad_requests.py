"""Bad input over a real socket: each is a 4xx that says what was found, and nothing of it is logged."""

import asyncio
import json

import httpx
import pytest

from tests.gateways import TestGateway, event, gateway_settings, listening

HEAD = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
SECRET = "anna-secret-7"


async def raw(port, *pieces, pause=0.0):
    """What a server answers to raw bytes; empty where it only closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece if isinstance(piece, bytes) else piece.encode())
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(5):
            return await reader.read(65_536)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def depth(levels):
    return b'{"visitor_id":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b'{"visitor_id": "anna-secret-7", }', 400, "malformed"),
        (b'\xff\xfe{"a": 1}', 400, "malformed"),
        (b'{"visitor_id": "\\ud800"}', 400, "malformed"),
        (b'{"ts": NaN}', 400, "malformed"),
        (depth(16), 400, "too_deep"),
        (depth(1_000), 400, "too_deep"),
        (depth(400_000), 400, "too_deep"),
        (b"[" * 500_000, 400, "too_deep"),
        (b"5", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"[]", 422, "empty"),
        (b"[[]]", 422, "invalid"),
        (b'{"ts": 1' + b"0" * 4000 + b"}", 422, "invalid"),
        (json.dumps([event()] * 501).encode(), 413, "too_many"),
        (json.dumps(event(page="x" * 300_000)).encode(), 422, "invalid"),
        (json.dumps(event(item_id="x" * (10 << 20))).encode(), 413, "too_large"),
        (json.dumps(event(**{f"f{n}": 1 for n in range(9_000)})).encode(), 422, "invalid"),
    ],
)
async def test_bad_bodies_are_refused(body, status, error, capsys):
    gateway = TestGateway(gateway_settings(port=0))
    async with listening(gateway.app, gateway.settings) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            found = await client.post("/v1/events", content=body, headers=JSON)
    assert (found.status_code, found.json()["error"]) == (status, error), found.text
    assert "expected" in found.text or "send" in found.text
    assert len(found.content) < 20_000
    assert gateway.producer.sent == []
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("kind", ["application/xml", "multipart/form-data; boundary=x", "application/json5"])
async def test_bodies_of_another_type_are_refused(kind):
    async with TestGateway(gateway_settings()).serving() as client:
        found = await client.post("/v1/events", content=b"{}", headers={"Content-Type": kind})
        zipped = await client.post("/v1/events", content=b"{}", headers={"Content-Encoding": "gzip"})
    assert (found.status_code, zipped.status_code) == (415, 415)


async def test_a_chunked_body_is_cut_where_it_becomes_too_large():
    gateway = TestGateway(gateway_settings(port=0, max_body_bytes=10_000))
    async with listening(gateway.app, gateway.settings) as port:
        piece = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
        head = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
        whole = await raw(port, head, *[piece] * 4, "0\r\n\r\n")
        endless = await raw(port, head, *[piece] * 80)
    assert whole.startswith(b"HTTP/1.1 413")
    assert endless.startswith(b"HTTP/1.1 413") or endless == b""


async def test_slow_clients_are_let_go():
    gateway = TestGateway(gateway_settings(port=0, request_seconds=0.3))
    async with listening(gateway.app, gateway.settings) as port:
        nothing = raw(port, pause=0.1)
        headers = raw(port, *HEAD, pause=0.02)
        body = raw(port, HEAD + "Content-Length: 100\r\n\r\n", *"{   ", pause=0.05)
        found = await asyncio.wait_for(asyncio.gather(nothing, headers, body), 10)
        # Others are answered meanwhile and after.
        good = json.dumps(event())
        kept = f"{HEAD}Connection: close\r\nContent-Length: {len(good)}\r\n\r\n{good}"
        assert (await raw(port, kept)).startswith(b"HTTP/1.1 200")
    assert found[:2] == [b"", b""]
    assert found[2].startswith(b"HTTP/1.1 408")


async def test_a_connection_is_used_again_after_a_pause_shorter_than_the_limit():
    gateway = TestGateway(gateway_settings(port=0, request_seconds=0.3))
    async with listening(gateway.app, gateway.settings) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(3):
                assert (await client.post("/v1/events", json=event())).status_code == 200
                await asyncio.sleep(0.4)
            assert len(client._transport._pool.connections) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + "X: a\r\n b\x00\r\n\r\n",
        HEAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + "Content-Length: -5\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "NOTHING\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
async def test_broken_requests_are_refused(request_bytes):
    gateway = TestGateway(gateway_settings(port=0))
    async with listening(gateway.app, gateway.settings) as port:
        found = await raw(port, request_bytes)
    assert found == b"" or found.startswith(b"HTTP/1.1 4")


async def test_headers_without_end_are_cut_off():
    gateway = TestGateway(gateway_settings(port=0))
    async with listening(gateway.app, gateway.settings) as port:
        found = await raw(port, HEAD, *["X-Long: " + "x" * 30_000 + "\r\n"] * 10)
    assert found == b""


@pytest.mark.parametrize("token", ["\r\nSet-Cookie: a=b", "a\r\n\r\n<script>", "é", "x" * 20_000])
async def test_no_part_of_a_request_gets_into_headers_or_logs(token, tmp_path, capsys):
    params = {"token": token, token: "1"}
    async with TestGateway(gateway_settings()).serving() as client:
        found = await client.post("/v1/events", params=params, json=event(event_id=SECRET))
        lost = await client.get(f"/{SECRET}/../etc/passwd", params={"visitor_id": SECRET})
    assert "set-cookie" not in found.headers
    assert found.status_code == 422
    assert lost.status_code == 404
    logged = "".join(capsys.readouterr())
    assert "route=/v1/events" in logged
    assert SECRET not in logged
    assert "script" not in logged
    assert "xxx" not in logged


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/v1/../../etc/passwd", "/%2e%2e/etc/passwd", "//etc"])
async def test_paths_lead_to_no_file(path):
    gateway = TestGateway(gateway_settings(port=0))
    async with listening(gateway.app, gateway.settings) as port:
        found = await raw(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 404")


async def test_pages_of_other_origins_may_read_nothing_unless_the_shop_says_so():
    origin = {"Origin": "https://shop.example"}
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    for origins, allowed in (("", None), ("https://shop.example", "https://shop.example")):
        gateway = TestGateway(gateway_settings(cors_origins=origins))
        async with gateway.serving() as client:
            preflight = await client.options("/v1/events", headers=asked)
            found = await client.post("/v1/events", json=event(), headers=origin)
        assert preflight.headers.get("access-control-allow-origin") == allowed
        assert found.headers.get("access-control-allow-origin") == allowed
        assert found.status_code == (200 if allowed else 401)


async def test_a_beacon_is_taken():
    async with TestGateway(gateway_settings()).serving() as client:
        body = json.dumps([event()]).encode()
        found = await client.post("/v1/events", content=body, headers=TEXT)
    assert found.status_code == 200
