"""Where Kafka comes from: a download that is whole or absent, or KAFKA_HOME."""

import http.server
import threading

import pytest

from deploy.broker.broker_process import free_port
from deploy.broker.distribution import KAFKA_VERSION, BrokerError, _install, fetch, find


def test_without_network_the_ways_out_are_named(tmp_path):
    with pytest.raises(BrokerError, match=r"KAFKA_HOME.*KAFKA_BOOTSTRAP_SERVERS"):
        fetch(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_without_kafka_is_an_error_and_leaves_nothing(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _NotFound) as mirror:
        threading.Thread(target=mirror.serve_forever, daemon=True).start()
        with pytest.raises(BrokerError, match=f"cannot download Apache Kafka {KAFKA_VERSION} from http"):
            fetch(tmp_path, f"http://127.0.0.1:{mirror.server_port}")
        mirror.shutdown()
    assert list(tmp_path.iterdir()) == []


class _NotFound(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


def test_what_was_fetched_needs_no_network(tmp_path):
    (tmp_path / f"kafka-{KAFKA_VERSION}").mkdir()
    assert fetch(tmp_path, "http://127.0.0.1:1") == tmp_path / f"kafka-{KAFKA_VERSION}"


def test_a_torn_jar_is_not_installed(tmp_path):
    torn = tmp_path / "envs" / "jars" / "kafka.jar"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(BrokerError, match=r"kafka\.jar arrived damaged"):
        _install([torn], tmp_path / "kafka")
    assert not (tmp_path / "kafka").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(
        BrokerError, match=f"cannot write Apache Kafka to {blocked}/cache.*PATHCAST_CACHE_DIR"
    ):
        fetch(blocked / "cache")


def test_kafka_home_is_used_with_its_own_java(tmp_path, monkeypatch):
    libs, java = tmp_path / "libs", tmp_path / "jdk" / "bin" / "java"
    libs.mkdir()
    (libs / "kafka-server-4.3.1.jar").touch()
    java.parent.mkdir(parents=True)
    java.touch()
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find().java == java
    assert find().classpath == f"{libs}/*"


def test_a_kafka_home_without_kafka_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    with pytest.raises(BrokerError, match=f"KAFKA_HOME is {tmp_path}.*unpacked"):
        find()
