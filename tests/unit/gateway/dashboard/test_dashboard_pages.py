"""The pages over HTTP: what they show, to whom, and what they refuse."""

import asyncio
import json
import time
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.items_page import DemandFile
from gateway.dashboard.figures.pages import PAGES, TITLES, PageView, Sources, panels_of
from gateway.dashboard.web import dashboard_access, pushing
from gateway.http.token_file import Role
from gateway.http.token_making import added
from gateway.lookups.item_lookups import SimilarItems
from tests.dashboard_app import application
from tests.dashboard_records import NOW, clicks, filled
from tests.gateways import gateway_settings, listening

LOCAL = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000), "follow_redirects": False}
BROWSER = {"accept": "text/html"}


@pytest.fixture(scope="module")
def feed():
    return filled(clicks(seed=1, count=300))


@pytest.fixture(scope="module")
def client(feed):
    return TestClient(application(feed), **LOCAL)


class Texts(HTMLParser):
    """Text of a page, and the names of its elements."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.elements, self.sources = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_the_window_of_every_panel(client, page):
    answer = client.get(f"/dashboard/{page}?window=900")
    assert answer.status_code == 200
    assert answer.text.count('class="window"') == answer.text.count("<section ")
    assert TITLES[page] in Texts(answer.text).texts


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_page_says_what_to_do(page):
    answer = TestClient(application(TopicFeed()), **LOCAL).get(f"/dashboard/{page}")
    assert answer.status_code == 200
    assert 'class="empty">' in answer.text
    assert "The reader has not started yet." in answer.text


@pytest.mark.parametrize("page", [*PAGES, "shopper"])
def test_no_request_leaves_the_host(client, page):
    answer = client.get(f"/dashboard/{page}")
    sources = [one for one in Texts(answer.text).sources if one != "data:,"]
    assert sources
    assert all(one[0] in "/#" and not one.startswith("//") for one in sources)
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_scripts_and_styles_are_served(client):
    for name in ("dashboard.css", "dashboard.js", "theme.js", "plotly.min.js"):
        answer = client.get(f"/dashboard/static/{name}")
        assert answer.status_code == 200
        again = client.get(f"/dashboard/static/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    assert client.get("/dashboard/static/..%2fdashboard_part.py").status_code == 404
    assert client.get("/dashboard/static/dashboard_part.py").status_code == 404


def test_what_topics_hold_is_never_markup(client):
    answer = client.get("/dashboard/live?window=900")
    assert "<b>Ada" not in answer.text
    assert "&lt;b&gt;Ada" in answer.text


def test_an_unknown_page_or_window_is_refused_or_replaced(client):
    assert client.get("/dashboard/nonsense").status_code == 404
    for window in ("7", "-1", "9" * 400, "1e9", "٣٠٠"):
        assert 'value="300" selected' in client.get("/dashboard/live", params={"window": window}).text


def test_similar_items_are_those_of_the_lookup(feed):
    known = {"i1": [{"item_id": "<b>i2", "score": 0.5, "title": "Tea <i>", "price": 9.5}]}
    found = TestClient(application(feed, similar=lambda item: SimilarItems("m1", known.get(item))), **LOCAL)
    shown = found.get("/dashboard/items?item=%20i1").text
    for part in ("&lt;b&gt;i2", "Tea &lt;i&gt;", "9.50", "0.500", "by version m1", 'value="i1"'):
        assert part in shown
    assert "does not know this item" in found.get("/dashboard/items", params={"item": '"><b>'}).text
    assert "Enter an item" in found.get("/dashboard/items").text
    without = TestClient(application(feed), **LOCAL)
    assert "loads no model" in without.get("/dashboard/items?item=i1").text
    empty = TestClient(application(feed, similar=lambda _: SimilarItems("", None)), **LOCAL)
    assert "No model is in use yet" in empty.get("/dashboard/items?item=i1").text


@pytest.fixture
def guarded(feed, tmp_path):
    """A client of a gateway with tokens, and the tokens by role."""
    file = tmp_path / "tokens.toml"
    more = {Role.OPERATE: [Role.READ]}
    tokens = {role: added(file, role, [role, *more.get(role, [])], 1, None) for role in Role}
    return TestClient(application(feed, tokens=file), **LOCAL), tokens


def test_each_role_sees_what_it_may(guarded):
    client, tokens = guarded
    for role, token in tokens.items():
        answer = client.get("/dashboard/live?window=900", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == (200 if role in (Role.READ, Role.OPERATE) else 403)
        # Beginnings of refused inputs may name people.
        assert ("&lt;b&gt;Ada" in answer.text) == (role == Role.OPERATE)
        moved = client.post("/dashboard/moves", headers={"authorization": f"Bearer {token}"})
        assert moved.status_code == (200 if role == Role.OPERATE else 403)
    assert client.get("/dashboard/push/live").status_code == 401


def test_one_signs_in_with_a_token_that_no_script_can_read(guarded):
    client, tokens = guarded
    asked = client.get("/dashboard/live", headers=BROWSER)
    assert (asked.status_code, asked.headers["location"]) == (303, "/dashboard/sign-in")
    assert client.post("/dashboard/sign-in", data={"token": "wrong"}).status_code == 401
    assert client.post("/dashboard/sign-in", data={"token": tokens[Role.COLLECT]}).status_code == 403
    signed = client.post("/dashboard/sign-in", data={"token": tokens[Role.READ]})
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/dashboard/live", headers=BROWSER).status_code == 200
    client.post("/dashboard/sign-out")
    assert client.get("/dashboard/live", headers=BROWSER).status_code == 303


def test_where_no_token_is_needed_none_is_kept(client):
    for token in ("€", "a\r\nb", "x"):
        signed = client.post("/dashboard/sign-in", data={"token": token})
        assert signed.status_code == 303
        assert "set-cookie" not in signed.headers


def test_cookies_of_other_applications_do_not_sign_one_out(guarded):
    client, tokens = guarded
    cookie = f'prefs={{"a": 1}}; b@d="; pathcast={tokens[Role.READ]}; last=é'
    headers = {"cookie": cookie.encode("latin-1")}
    assert client.get("/dashboard/live", headers=headers).status_code == 200


def test_behind_https_the_cookie_is_for_https_only(guarded):
    client, tokens = guarded
    for scheme in ("http", "https"):
        signed = client.post(f"{scheme}://127.0.0.1/dashboard/sign-in", data={"token": tokens[Role.READ]})
        assert ("secure" in signed.headers["set-cookie"].lower()) == (scheme == "https")


async def test_a_form_that_does_not_arrive_is_let_go(feed, monkeypatch):
    monkeypatch.setattr(dashboard_access, "FORM_SECONDS", 0.2)
    settings = gateway_settings(port=0)
    head = "POST /dashboard/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\ntoken="
    async with listening(application(feed), settings) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        found = await asyncio.wait_for(reader.read(65_536), 5)
        writer.close()
    assert found.startswith(b"HTTP/1.1 408")


def test_forms_of_other_sites_and_large_ones_are_refused(client):
    for path in ("moves", "shopper", "sign-in", "sign-out"):
        other = client.post(f"/dashboard/{path}", headers={"origin": "https://evil.example"})
        assert other.status_code in (401, 403)
        assert client.post(f"/dashboard/{path}", content=b"a=" + b"b" * 9_000).status_code == 413
        assert client.post(f"/dashboard/{path}", content=b"a=\xff").status_code == 422


async def test_pushes_are_at_most_five_a_second_and_made_once_for_all(feed, monkeypatch):
    made = []

    def panels(page, sources, view):
        made.append(time.monotonic())
        return panels_of(page, sources, view._replace(now=NOW + len(made)))

    monkeypatch.setattr(pushing, "panels_of", panels)
    pushes = pushing.Pushes(Sources(feed, DemandFile(None)), lambda: NOW, every=0.01)
    view = PageView(300, NOW, may_see_inputs=False)

    async def looked():
        stream = pushes.stream("live", view, lambda: True)
        return [await anext(stream) for _ in range(5)][1:]

    started = time.monotonic()
    browsers = await asyncio.gather(*(looked() for _ in range(20)))
    took = time.monotonic() - started
    assert len(made) <= 1 + took * 5
    for sent in browsers:
        pushed = [json.loads(one.removeprefix(b"data: ")) for one in sent]
        assert [one["id"] for one in pushed[0]["panels"]][:2] == ["now", "flow"]
        assert pushed[0]["state"] == "Up to date."
