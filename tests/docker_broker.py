"""The official Kafka image as a broker, where Docker answers."""

import time
from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from deploy.broker.broker_process import answers, free_port
from streams.config.connection import Connection

IMAGE = "apache/kafka:4.3.1"


def run_image() -> Iterator[Connection]:
    """A connection to a container of the official image; skips, saying why, where Docker does not answer."""
    try:
        docker.from_env(timeout=10).ping()
    except DockerException as error:
        pytest.skip(f"Docker does not answer, so {IMAGE} was not tested: {error}")
    port = free_port()
    with _container(port):
        here = Connection(bootstrap_servers=f"127.0.0.1:{port}")
        _await(here)
        yield here


def _container(port: int) -> DockerContainer:
    # The advertised address is the one that clients outside use, so the port is chosen before the start.
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://0.0.0.0:{port + 1}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@localhost:{port + 1}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    for name, value in settings.items():
        container = container.with_env(name, value)
    return container


def _await(here: Connection) -> None:
    for _ in range(120):
        if answers(here.bootstrap_servers):
            return
        time.sleep(0.5)
    raise RuntimeError(f"{IMAGE} did not answer at {here.bootstrap_servers}")
