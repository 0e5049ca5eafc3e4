"""A transaction's timeout is below that of the session, so that a takeover waits for the session alone."""

import pytest
from pydantic import ValidationError

from streams.config.worker_settings import WorkerSettings


def test_the_transaction_timeout_follows_the_session_timeout():
    assert WorkerSettings(session_timeout_seconds=6).transaction_timeout_ms == 4_000
    assert WorkerSettings().transaction_timeout_ms == 20_000


def test_the_derived_timeout_is_one_that_brokers_accept():
    assert WorkerSettings(session_timeout_seconds=1_800).transaction_timeout_ms == 900_000


def test_a_given_timeout_is_used():
    settings = WorkerSettings(session_timeout_seconds=60, transaction_timeout_seconds=50)
    assert settings.transaction_timeout_ms == 50_000


def test_a_transaction_must_not_outlast_the_session():
    with pytest.raises(ValidationError, match="below PATHCAST_SESSION_TIMEOUT_SECONDS, which is 30"):
        WorkerSettings(transaction_timeout_seconds=30)
