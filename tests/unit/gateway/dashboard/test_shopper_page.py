"""The page Shopper: clicks of any content, and nothing from before an erasure."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from gateway.dashboard.feeds import visitor_history
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.visitor_history import ROLES, VisitorHistory
from gateway.dashboard.web.shopper_view import MOST_AT_ONCE, ShopperView
from models.contract.pseudonyms import Pseudonyms
from models.privacy.erasure import FORGET
from streams.config.topics import TopicNames
from tests.dashboard_app import OneVisitor, application

LOCAL = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000)}
NAMES = TopicNames()
NOW_MS = 1_790_000_000_000
FORGOTTEN = [(FORGET, b"r1")]


@pytest.mark.parametrize(
    "field",
    [
        {"ts": 10**16},
        {"ts": -(10**30)},
        {"ts": {}},
        {"event_id": []},
        {"event": {"a": "<script>x</script>"}},
        {"item_id": ["<script>x</script>"] * 10_000},
    ],
)
def test_a_click_of_any_content_is_shown_and_never_markup(field):
    click = {"event_id": "e1", "event": "view_item", "ts": 1_790_000_000_000} | field
    client = TestClient(application(TopicFeed(), history={"clicks": [click]}), **LOCAL)
    found = client.post("/dashboard/shopper", data={"visitor": "v1"})
    assert found.status_code == 200
    assert "Clicks and what they moved" in found.text
    assert "<script>x" not in found.text
    assert len(found.text) < 50_000


async def test_only_some_visitors_are_looked_for_at_a_time_and_others_are_told_when_to_ask_again():
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_):
        asked.set()
        await go.wait()

    view = ShopperView(TopicFeed(), OneVisitor({}), slow, 60)
    under_way = [asyncio.create_task(view.page("v1", by_cookie=False)) for _ in range(MOST_AT_ONCE)]
    await asked.wait()
    busy = await view.page("v2", by_cookie=False)
    go.set()
    found = await asyncio.gather(*under_way)
    later = await view.page("v2", by_cookie=False)
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "5")
    assert b"find again in 5 seconds" in busy.body
    assert {one.status_code for one in [*found, later]} == {200}


def test_each_click_has_its_reason_as_answered_or_else_computed():
    told = "Purchase probability in this session: 5.00%. "
    answer = {"ts": NOW_MS, "purchase_probability": 0.05, "rung": "neural"}
    history = {
        "clicks": [{"event_id": at, "event": "view_item", "ts": NOW_MS} for at in ("e1", "e2", "e3")],
        "purchase_intent": [
            answer | {"event_id": "e1", "explanation": {"text": f"{told}It was published."}},
            answer | {"event_id": "e2"},
        ],
    }

    async def reasons(clicks):
        return {one["event_id"]: f"{told}It was computed for {one['event_id']}." for one in clicks[:2]}

    client = TestClient(application(TopicFeed(), history, reasons=reasons), **LOCAL)
    page = client.post("/dashboard/shopper", data={"visitor": "v1"}).text
    rows = page[page.index('id="timeline"') :].split("<tr>")[2:5]
    assert ["–<" in rows[0], "computed for e2" in rows[1], "It was published." in rows[2]] == [True] * 3
    assert "5.00%" not in page


class OneFetch:
    """A consumer of topics that are each one partition of a few records."""

    def __init__(self, topics, stuck=""):
        self._topics, self._at, self.stuck = topics, {}, stuck

    def __call__(self, **_):
        return self

    async def start(self):
        pass

    stop = start

    async def end_offsets(self, parts):
        return {part: len(self._topics.get(part.topic, ())) for part in parts}

    async def offsets_for_times(self, times):
        return {part: SimpleNamespace(offset=0) for part in times}

    def assign(self, parts):
        self._at = dict.fromkeys(parts, 0)

    def seek(self, part, offset):
        self._at[part] = offset

    async def position(self, part):
        return self._at[part]

    async def getmany(self, part, timeout_ms):
        if part.topic == self.stuck:
            await asyncio.Event().wait()
        found = self._topics[part.topic][self._at[part] :]
        self._at[part] += len(found)
        return {part: found}


def record(key, value, headers=()):
    held = None if value is None else json.dumps(value).encode()
    return SimpleNamespace(key=key, value=held, headers=headers, timestamp=1)


def topics(key, stored, requested):
    """Two clicks with answers, and a request to forget between them."""
    answered = {
        getattr(NAMES, role): [
            record(stored, {"event_id": event_id, "decision_id": f"{event_id}:home"})
            for event_id in ("before", "after")
        ]
        for role in ROLES[1:]
    }
    clicks = [
        record(key, {"event_id": "before"}),
        record(b"berta", None, FORGOTTEN),
        record(requested, None, FORGOTTEN),
        record(b"berta", {"event_id": "of berta"}),
        record(key, {"event_id": "after"}),
    ]
    return answered | {NAMES.clicks: clicks}


@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(b"s" * 32)])
async def test_nothing_from_before_an_erasure_is_shown(pseudonyms, monkeypatch):
    stored = b"anna" if pseudonyms is None else pseudonyms.visitor(b"anna").encode()
    for requested, expected in ((stored, ["after"]), (b"nobody", ["before", "after"])):
        fetched = OneFetch(topics(b"anna", stored, requested))
        monkeypatch.setattr(visitor_history.aiokafka, "AIOKafkaConsumer", fetched)
        found = await VisitorHistory(NAMES, {}, 1, 60, pseudonyms).read("anna")
        assert found.whole
        for role in ROLES:
            assert [one["event_id"] for one in found.by_role[role]] == expected, role


async def test_a_broker_that_sends_nothing_ends_the_search_and_what_was_found_is_shown(monkeypatch):
    monkeypatch.setattr(visitor_history, "MOST_SECONDS", 0.3)
    fetched = OneFetch(topics(b"anna", b"anna", b"nobody"), stuck=NAMES.recommendations)
    monkeypatch.setattr(visitor_history.aiokafka, "AIOKafkaConsumer", fetched)
    found = await VisitorHistory(NAMES, {}, 1, 60).read("anna")
    assert not found.whole
    assert len(found.by_role["purchase_intent"]) == 2
    assert found.by_role["rewards"] == []
