"""What the shop says of a person on `profiles` goes with them, also where only pseudonyms are known."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace as Bag
from typing import Any

import pytest

from deploy.privacy import profile_marks, visitor_keys
from deploy.privacy.search_scope import SearchScope
from models.contract.pseudonyms import Pseudonyms
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings

HIDDEN = Pseudonyms(b"s" * 32)
PHONE = HIDDEN.visitor(b"phone-of-anna")
ANNA = HIDDEN.user(b"anna")


class Topic(list[tuple[bytes | None, bytes | None]]):
    """Records of the topic's only partition, as clients find and send them."""

    @contextmanager
    def consumer(self, _to: Any) -> Iterator[Any]:
        yield Bag(partitions_for_topic=lambda _: {0})

    @contextmanager
    def producer(self, _to: Any) -> Iterator[Any]:
        yield self

    def drain(self, _client: Any, _topic: str) -> Iterator[Any]:
        yield from (Bag(partition=0, key=key, value=value) for key, value in list(self))

    def send(self, _topic: str, value: bytes | None, key: bytes, partition: int) -> Any:
        assert partition == 0
        self.append((key, value))
        return Bag(get=lambda _seconds: None)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    made = Topic((name, b"{}") for name in (b"phone-of-anna", b"anna", b"phone-of-bea", b"bea"))
    made.append((None, b"{}"))
    for name in ("consumer", "producer", "drain"):
        monkeypatch.setattr(visitor_keys, name, getattr(made, name))
    kept = {TopicNames().profiles: Bag(compacted=lambda at: at + 60_000)}
    monkeypatch.setattr(profile_marks, "retention_of", lambda _to, _topics: kept)
    return made


def places(pseudonymiser: Pseudonyms | None, **settings: Any) -> SearchScope:
    nothing: Any = None
    worker = WorkerSettings.model_construct(**settings)
    return SearchScope(nothing, TopicNames(), worker, nothing, pseudonymiser)


def test_a_mark_has_the_key_as_it_stands_on_the_topic(topic: Topic) -> None:
    framed = bytes.fromhex("00ffffffff") + b'"anna"'
    topic += [(framed, b"{}"), (b'"bea"', b"{}")]
    line = profile_marks.delete_profiles(places(None, key_format="framed-json"), ("anna",), 0)
    assert line.found == "2 records"
    assert sorted(key or b"" for key in marked(topic)) == sorted([framed, b"anna"])


def marked(topic: Topic) -> list[bytes | None]:
    return [key for key, value in topic if value is None]


def test_devices_known_as_pseudonyms_are_found_by_hashing_the_topics_keys(topic: Topic) -> None:
    line = profile_marks.delete_profiles(places(HIDDEN), ("anna", ANNA, PHONE), 0)
    assert (line.found, line.gone) == ("2 records", "1970-01-01 00:01 UTC")
    assert marked(topic) == [b"phone-of-anna", b"anna"]
    assert profile_marks.delete_profiles(places(HIDDEN), ("anna", ANNA, PHONE), 0).found == "0 records"


def test_a_users_pseudonym_finds_the_users_record(topic: Topic) -> None:
    profile_marks.delete_profiles(places(HIDDEN), (ANNA,), 0)
    assert marked(topic) == [b"anna"]


@pytest.mark.parametrize("pseudonymiser", [None, Pseudonyms(b"t" * 32)])
def test_without_the_secret_a_pseudonym_finds_nothing(topic: Topic, pseudonymiser: Pseudonyms | None) -> None:
    assert profile_marks.delete_profiles(places(pseudonymiser), (PHONE, ANNA), 0).found == "0 records"
    assert marked(topic) == []
