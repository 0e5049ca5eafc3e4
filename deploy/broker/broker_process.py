"""The process and the port of the broker: find it, check its port, end it."""

import random
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.broker.distribution import BrokerError

STOP_SECONDS = 20
#: Below the ports that Linux (from 32768), macOS and Windows (from 49152) use for outgoing connections.
PORTS = range(20_000, 32_000)


class PortBusy(BrokerError):
    """Another process listens on the port of the broker."""


@dataclass(frozen=True)
class Process:
    """A broker's process. A process id is reused by the system; its start time tells the two apart."""

    pid: int
    port: int
    created: float

    def find(self) -> psutil.Process | None:
        """The live process, or None if it has ended, also if its id is reused."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None


def end(noted: Process) -> None:
    """Send SIGTERM, then SIGKILL. Raises BrokerError if the process survives both."""
    for order in (signal.SIGTERM, signal.SIGKILL):
        process = noted.find()
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            process.send_signal(order)
        if _gone(noted):
            return
    raise BrokerError(f"the broker (pid {noted.pid}) runs {STOP_SECONDS} s after SIGKILL: end it yourself")


def _gone(noted: Process) -> bool:
    """Whether it ends in time. (`Process.wait` returns only after the parent has asked for the status.)"""
    deadline = time.monotonic() + STOP_SECONDS
    while noted.find() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return noted.find() is None


def check_port(port: int) -> None:
    """Raises PortBusy, with the process that has the port where the system names it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(
                f"port {port} is taken{_holder(port)} ({error.strerror}): choose another (--port or "
                "PATHCAST_BROKER_PORT), or, if it is a Kafka, use it: "
                f"KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{port}"
            ) from error


def _holder(port: int) -> str:
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.pid]
        process = psutil.Process(next(c.pid for c in listening if c.status == psutil.CONN_LISTEN))
        directory = process.cwd()
        ours = "a broker of Pathcast, " if "kafka.Kafka" in process.cmdline() else ""
    except (psutil.Error, StopIteration):
        return ""
    return f" by {ours}{process.name()} (pid {process.pid}, started in {directory})"


def answers(bootstrap: str) -> bool:
    """Whether a broker there completes a real request (not merely accepts a connection)."""
    if not _listens(bootstrap):  # the client below would take two seconds to find that out
        return False
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap, bootstrap_timeout_ms=2000, request_timeout_ms=2000
        )
    except (KafkaError, OSError):
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()


def _listens(bootstrap: str) -> bool:
    host, _, port = bootstrap.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def free_port(*spoken_for: int) -> int:
    """A free port of this machine that is not in `spoken_for`.

    Ports for outgoing connections are excluded: during a restart, clients of the broker could take its port.
    """
    for port in random.sample(PORTS, len(PORTS)):
        if port not in spoken_for and _is_free(port):
            return port
    raise PortBusy(f"no free port from {PORTS.start} to {PORTS.stop - 1}: end a process that listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
