"""Variables of Kubernetes' service links do no harm: those named like a setting are dropped, in a line."""

import os

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.reference import settings_doc
from deploy.terminal import service_links
from streams.config.worker_settings import WorkerSettings


def test_every_setting_of_a_port_is_covered():
    known = {*settings_doc.every(), *settings_doc.BUNDLED}
    assert set(service_links.PORTS) == {name for name in known if name.endswith("_PORT")}


@pytest.mark.parametrize("link", ["tcp://10.0.0.1:6066", "udp://10.0.0.1:53", "tcp://[fd00::1]:80"])
@pytest.mark.parametrize("name", service_links.PORTS)
def test_a_link_is_dropped_and_said(name, link):
    environment = {name: link, "PATHCAST_PORT": link, "OTHER": "1"}
    (line,) = service_links.dropped(environment)
    assert line.startswith(f"{name}={link} is ignored: Kubernetes")
    assert environment == {"PATHCAST_PORT": link, "OTHER": "1"}


@pytest.mark.parametrize("value", ["6066", "0", "tcp", "http://x:1"])
def test_any_other_value_stays(value):
    environment = {"PATHCAST_WEB_PORT": value}
    assert service_links.dropped(environment) == []
    assert environment == {"PATHCAST_WEB_PORT": value}


def test_commands_run_beside_services_of_the_same_names(monkeypatch):
    links = {
        "PATHCAST_PORT": "tcp://10.0.0.1:80",
        "PATHCAST_SERVICE_HOST": "10.0.0.1",
        "PATHCAST_SERVICE_PORT": "80",
        "PATHCAST_WEB_PORT": "tcp://10.0.0.2:6066",
        "PATHCAST_WEB_PORT_6066_TCP": "tcp://10.0.0.2:6066",
        "PATHCAST_BROKER_PORT": "tcp://10.0.0.3:9092",
        "KAFKA_PORT": "tcp://10.0.0.4:9092",
        "KAFKA_SERVICE_HOST": "10.0.0.4",
    }
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["broker", "status"])
    assert not isinstance(done.exception, ValueError)
    assert done.stderr.count("is ignored: Kubernetes") == 2
    assert "PATHCAST_WEB_PORT" not in os.environ
    assert WorkerSettings().web_port == 6066
