"""The demo's child processes: a worker, a gateway and a trainer."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deploy.broker.broker_process import free_port
from deploy.demo.setup import DemoError
from deploy.terminal.processes import command

READY_SECONDS, STOP_SECONDS = 90.0, 20.0
TAIL_LINES = 8
_NOT_OURS = frozenset(
    {"PATHCAST_ENVELOPE_KEY_FILE", "PATHCAST_PSEUDONYM_KEY_FILE", "PATHCAST_GATEWAY_TOKENS"}
)


class DemoProcess:
    """A `pathcast NAME` in its own session, so that Ctrl-C in the terminal does not reach it."""

    def __init__(self, name: str, log: Path, environment: Mapping[str, str]) -> None:
        self.name, self.log = name, log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command(name),
                env={**_surroundings(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises DemoError if it has ended."""
        if self.process.poll() is not None:
            raise DemoError(f"the {self.name} ended with exit code {self.process.returncode}; {self.tail()}")

    def tail(self) -> str:
        """The last lines of its log, for an error message."""
        lines = _last_lines(self.log)
        return f"its log is {self.log} and ends so:\n" + "\n".join(f"  {line}" for line in lines)

    def stop(self) -> bool:
        """Stop it by SIGTERM, so that it finishes its work and leaves its group; False if it had to be
        killed.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            # The run of a killed trainer would go on.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class ServingProcess(DemoProcess):
    """A process with HTTP endpoints on a free port of this machine; `prefix` is that of its settings."""

    def __init__(self, name: str, prefix: str, log: Path, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        own = {f"{prefix}_PORT": str(port), f"{prefix}_HOST": "127.0.0.1"}
        super().__init__(name, log, {**environment, **own})

    def await_ready(self) -> None:
        """Wait until it serves. Raises DemoError."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"the {self.name} was not ready within {READY_SECONDS:.0f} s; {self.tail()}")
            time.sleep(0.2)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class WorkerProcess(ServingProcess):
    """A `pathcast worker`."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        super().__init__("worker", "PATHCAST_WEB", log, environment)


class GatewayProcess(ServingProcess):
    """A `pathcast gateway` beside a worker, whose address is given; it needs no tokens here."""

    def __init__(self, log: Path, environment: Mapping[str, str], worker: str) -> None:
        own = {"PATHCAST_GATEWAY_WORKERS": worker}
        super().__init__("gateway", "PATHCAST_GATEWAY", log, {**environment, **own})


class TrainerProcess(DemoProcess):
    """A `pathcast trainer`."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        super().__init__("trainer", log, environment)


def _surroundings() -> dict[str, str]:
    """The environment without sealing and pseudonyms, which would hide which answer is whose."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_OURS}


def _last_lines(path: Path) -> Sequence[str]:
    return path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
