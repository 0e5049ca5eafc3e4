"""A shop's page in a browser that includes the gateway's script, and the examples of docs/gateway.md."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.http.token_file import Role
from gateway.http.token_making import added
from streams.config.connection import Connection
from tests.dashboard_browser import chromium
from tests.e2e.gateway_process import GatewayProcess
from tests.e2e.worker import Worker, decoded
from tests.house import ROOT

DOCUMENT = (ROOT / "docs" / "gateway.md").read_text()
#: A browser beside broker, worker and gateway may be slow (ms).
PATIENCE_MS = 30_000
PAGE = """<!doctype html><title>A tea shop</title>
<script src="{gateway}/v1/pathcast.js" data-token="{token}"></script>
<button id="add" onclick="add()">Add to cart</button><p id="answer"></p>
<script>
  pathcast.track("view_item", {{item_id: "i3"}});
  function add() {{
    pathcast.ask("add_to_cart", {{item_id: "i3"}}, {patience}).then((answers) => {{
      document.getElementById("answer").textContent = JSON.stringify(answers);
    }});
  }}
</script>"""


class TeaShop:
    """A folder that is served at `address`, and the page in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeaShop]:
    found = TeaShop(tmp_path_factory.mktemp("shop"))
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def gateway(
    broker: Connection, running: Worker, shop: TeaShop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway with tokens, whose answers the shop's pages may read."""
    folder = tmp_path_factory.mktemp("gateway")
    tokens = folder / "tokens.toml"
    token = added(tokens, "page", [Role.COLLECT], 1, None)
    settings = {"gateway_tokens": tokens, "gateway_cors_origins": shop.address, "gateway_predict": "false"}
    with GatewayProcess(broker, running.names, folder, [running.port], **settings) as found:
        address = f"http://127.0.0.1:{found.port}"
        page = PAGE.format(gateway=address, token=token, patience=PATIENCE_MS)
        (shop.folder / "index.html").write_text(page)
        (shop.folder / "token").write_text(token)
        yield found


def test_a_page_sends_its_clicks_and_shows_the_answer_to_its_own(broker, running, shop, gateway):
    with chromium() as browser:
        page = browser.new_page()
        page.goto(shop.address)
        page.click("#add")
        page.wait_for_function("document.getElementById('answer').textContent !== ''", timeout=PATIENCE_MS)
        shown = json.loads(page.text_content("#answer"))
        # Sent by sendBeacon as the page is left.
        page.evaluate("pathcast.track('search', {query: 'oolong'})")
        page.close(run_before_unload=True)
        gateway.wait(lambda: len(clicks(broker, running)) >= 4, "the page's clicks are not on the topic", 30)
    sent = clicks(broker, running)
    assert sorted(one["event"] for one in sent) == ["add_to_cart", "page_view", "search", "view_item"]
    assert len({one["visitor_id"] for one in sent}) == 1
    (asked,) = [one for one in sent if one["event"] == "add_to_cart"]
    told = [
        one for one in decoded(broker, running.names.ad_decisions) if one["event_id"] == asked["event_id"]
    ]
    assert shown["ad_decisions"] == told
    assert shown["purchase_intent"]["visitor_id"] == asked["visitor_id"]


def clicks(broker, running):
    """The clicks of the page, told from those of examples by their page's path."""
    return [one for one in decoded(broker, running.names.clicks) if one.get("page") == "/"]


def examples() -> list[str]:
    """The command lines of the page that call the gateway."""
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if "curl" in line or "docs/examples" in line]


def test_the_page_has_examples_for_a_shell_and_for_python():
    assert len([line for line in examples() if "curl" in line]) == 2
    assert len([line for line in examples() if "gateway_calls.py" in line]) == 1


@pytest.mark.parametrize("line", examples())
def test_an_example_of_the_page_does_what_it_says(shop, gateway, line):
    if "curl" in line and shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    address = f"http://127.0.0.1:{gateway.port}"
    # A machine that also runs other tests answers later than an example asks for.
    line = line.replace("http://127.0.0.1:8080", address).replace("timeout_ms=2000", "timeout_ms=30000")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"TOKEN": (shop.folder / "token").read_text(), "GATEWAY_URL": address, "PATH": path}
    shell, env = ["bash", "-c", line], {**os.environ, **own}
    done = subprocess.run(shell, env=env, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    if "curl" not in line:
        assert done.stdout.count("likely next") == 2, done.stdout
        return
    told = json.loads(done.stdout)
    assert len(told["event_ids"]) == 1
    assert ("answers" in told) == ("answers=1" in line)
