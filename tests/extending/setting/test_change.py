"""PATHCAST_SLOW_CHUNK_MS is read from the environment, documented, bounded, and used."""

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from deploy.reference import settings_doc
from streams.config.worker_settings import WorkerSettings
from tests.offline import Offline, processing_config, records

CLICK = {"event_id": "e1", "visitor_id": "v1", "ts": 1_700_000_000_000, "event": "login"}


def warnings(slow_chunk_ms: float) -> list[dict]:
    """What is logged while a chunk of one click is processed."""
    with capture_logs() as logged:
        Offline(rules=processing_config(slow_chunk_ms=slow_chunk_ms)).process(records([CLICK]))
    return [line for line in logged if line["event"] == "slow chunk"]


def test_it_comes_from_the_environment(monkeypatch):
    assert WorkerSettings().slow_chunk_ms == 10_000
    monkeypatch.setenv("PATHCAST_SLOW_CHUNK_MS", "250")
    assert WorkerSettings().slow_chunk_ms == 250


def test_a_wrong_value_is_refused(monkeypatch):
    monkeypatch.setenv("PATHCAST_SLOW_CHUNK_MS", "0")
    with pytest.raises(ValidationError, match="slow_chunk_ms"):
        WorkerSettings()


def test_chunks_that_take_longer_are_logged():
    ((line),) = warnings(0.000_001)
    assert (line["log_level"], line["partition"], line["records"]) == ("warning", 0, 1)
    assert warnings(1e9) == []


def test_the_page_of_settings_has_it():
    setting = settings_doc.every()["PATHCAST_SLOW_CHUNK_MS"]
    assert (setting.default, setting.values) == ("`10000`", "> 0, ≤ 1e+09")
