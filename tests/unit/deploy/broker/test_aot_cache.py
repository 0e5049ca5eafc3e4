"""Which options Java gets with and without an AOT cache, and when a cache is made."""

import os
import time
from pathlib import Path

import pytest

from deploy.broker import aot_cache
from deploy.broker.distribution import KafkaDistribution
from deploy.broker.java_options import java_options


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The processes that would be started."""
    commands: list[list[str]] = []
    monkeypatch.setattr(aot_cache.subprocess, "Popen", lambda command, **_: commands.append(command))
    return commands


def kafka(cache: Path | None) -> KafkaDistribution:
    return KafkaDistribution(Path("java"), Path("jars"), cache)


def test_only_a_cache_that_is_there_is_used_and_then_all_compilers(tmp_path: Path) -> None:
    cache = tmp_path / "kafka.aot"
    assert "-XX:TieredStopAtLevel=1" in java_options("512m", cache)
    assert "-XX:TieredStopAtLevel=1" in java_options("512m", None)
    cache.touch()
    options = java_options("1g", cache)
    assert f"-XX:AOTCache={cache}" in options
    assert "-Xmx1g" in options
    assert "-XX:TieredStopAtLevel=1" not in options


def test_one_of_several_makes_the_cache(tmp_path: Path, started: list[list[str]]) -> None:
    for _ in range(3):
        aot_cache.make_in_background(kafka(tmp_path / "kafka.aot"))
    assert [command[1:] for command in started] == [["-m", "deploy.broker.aot_trial"]]


def test_a_failed_attempt_is_repeated_a_day_later(tmp_path: Path, started: list[list[str]]) -> None:
    cache = tmp_path / "kafka.aot"
    aot_cache.make_in_background(kafka(cache))
    before = time.time() - aot_cache.RETRY_SECONDS - 1
    os.utime(cache.with_suffix(".attempted"), (before, before))
    aot_cache.make_in_background(kafka(cache))
    assert len(started) == 2


def test_none_is_made_where_one_is_or_for_another_kafka(tmp_path: Path, started: list[list[str]]) -> None:
    cache = tmp_path / "kafka.aot"
    cache.touch()
    aot_cache.make_in_background(kafka(cache))
    aot_cache.make_in_background(kafka(None))
    aot_cache.make_in_background(kafka(tmp_path / "absent" / "kafka.aot"))
    assert started == []
