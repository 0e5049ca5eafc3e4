"""A genuine single-node Apache Kafka for demo, tests and development, without Docker or an installed Java."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.broker import aot_cache
from deploy.broker.broker_process import Process, answers, check_port, end, free_port
from deploy.broker.distribution import BrokerError, KafkaDistribution, find
from deploy.broker.files import Files, cluster_id, complaint
from deploy.broker.java_options import java_options
from models.data_folders import data_folder

DEFAULT_PORT = 9092
START_SECONDS = 60


def default_directory() -> Path:
    """PATHCAST_BROKER_DIR, else the XDG data folder: topics survive from one run to the next."""
    return Path(os.environ.get("PATHCAST_BROKER_DIR") or data_folder("broker", os.environ)).expanduser()


def default_port() -> int:
    """PATHCAST_BROKER_PORT, else Kafka's 9092. Raises BrokerError if that is no port."""
    value = os.environ.get("PATHCAST_BROKER_PORT", str(DEFAULT_PORT))
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise BrokerError(f"PATHCAST_BROKER_PORT is {value!r}: expected a port number from 1 to 65535")
    return int(value)


@dataclass(frozen=True)
class Broker:
    """One broker, known by its directory; `settings` override lines of its server.properties.

    `java` replaces the options of its Java process (`java_options.py`); no AOT cache is made then.
    Every method reads the disk and the process table, so that any process can start, find and stop it.
    """

    directory: Path = field(default_factory=default_directory)
    port: int = field(default_factory=default_port)
    heap: str = field(default_factory=lambda: os.environ.get("PATHCAST_BROKER_HEAP", "512m"))
    settings: Mapping[str, str] = field(default_factory=dict)
    java: Sequence[str] | None = None

    @property
    def files(self) -> Files:
        return Files(self.directory.absolute())

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def running(self) -> Process | None:
        """The live process of this directory; a note of a dead process is ignored."""
        noted = self.files.recall()
        return noted if noted and noted.find() else None

    def start(self) -> bool:
        """Start unless running; returns when the broker answers requests. True if this call started it.

        Raises BrokerError (PortBusy if the port is taken), with the log's last complaint.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with self.files.lock():
                return self._start()
        except OSError as error:
            raise BrokerError(
                f"cannot write to the broker's directory {self.directory}: {error}; name another "
                "(--directory or PATHCAST_BROKER_DIR)"
            ) from error

    def _start(self) -> bool:
        running = self.running()
        if running:
            if running.port != self.port:
                raise BrokerError(
                    f"the broker of {self.directory} runs already, on port {running.port}, not "
                    f"{self.port}: use that port, or stop it first (pathcast broker stop)"
                )
            self._await_ready(running)
            return False
        check_port(self.port)
        kafka = find()
        self._launch(kafka)
        if self.java is None:
            aot_cache.make_in_background(kafka)
        return True

    def _launch(self, kafka: KafkaDistribution) -> None:
        self.files.write_config(self.port, free_port(self.port), self.settings)
        if not self.files.formatted:
            self._format(kafka)
        with self.files.console.open("w") as console:
            child = subprocess.Popen(
                self._command(kafka, self.java, "kafka.Kafka", str(self.files.config)),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for the command, not for the broker
            )
        process = Process(child.pid, self.port, psutil.Process(child.pid).create_time())
        self.files.remember(process)
        self._await_ready(process)

    def _command(
        self, kafka: KafkaDistribution, java: Sequence[str] | None, main: str, *arguments: str
    ) -> list[str]:
        options = list(java_options(self.heap, kafka.aot_cache) if java is None else java)
        options += [f"-Dlog4j2.configurationFile={self.files.logging}"]
        return [str(kafka.java), *options, "-cp", kafka.classpath, main, *arguments]

    def _format(self, kafka: KafkaDistribution) -> None:
        arguments = ("format", "--ignore-formatted", "-t", cluster_id(), "-c", str(self.files.config))
        command = self._command(kafka, None, "kafka.tools.StorageTool", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = complaint((done.stdout + done.stderr).splitlines())
            raise BrokerError(
                f"cannot prepare {self.files.data} for Kafka: {said or 'no output'}; remove "
                "the directory to start empty, or name another with --directory"
            )

    def _await_ready(self, process: Process) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.bootstrap):
            if process.find() is None:
                self.files.forget()
                raise BrokerError(f"the broker exited during start-up: {self._why()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"the broker did not answer within {START_SECONDS} s: {self._why()}")
            time.sleep(0.1)

    def _why(self) -> str:
        return f"{self.files.last_error() or 'it gave no reason'}; its log is {self.files.log}"

    def stop(self) -> bool:
        """Stop cleanly, or by force after 20 s; the data stays. True if a broker was stopped."""
        if not self.directory.is_dir():
            return False
        with self.files.lock():
            noted = self.running()
            if noted:
                end(noted)
            self.files.forget()
        return noted is not None
