"""The AOT cache of the bundled broker: made by a trial broker, and used by the next one."""

import os
from dataclasses import replace

import pytest

from deploy.broker import aot_trial
from deploy.broker.broker import Broker
from deploy.broker.broker_process import answers, free_port
from deploy.broker.distribution import find
from deploy.broker.java_options import java_options


@pytest.mark.skipif("KAFKA_HOME" in os.environ, reason="another Kafka's Java may know no AOT cache")
def test_a_trial_makes_a_cache_that_a_broker_runs_with(tmp_path, monkeypatch):
    monkeypatch.setattr(aot_trial, "LOAD_SECONDS", 1.0)
    kafka = replace(find(), aot_cache=tmp_path / "kafka.aot")
    aot_trial.make(kafka)
    assert [path.name for path in tmp_path.iterdir()] == ["kafka.aot"]
    # With this mode Java ends where it cannot use the cache; the default is to do without.
    options = [*java_options("512m", kafka.aot_cache), "-XX:AOTMode=on"]
    broker = Broker(tmp_path / "broker", free_port(), java=options)
    try:
        assert broker.start()
        assert answers(broker.bootstrap)
    finally:
        broker.stop()
