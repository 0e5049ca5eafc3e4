"""A real `pathcast gateway` process beside workers."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.worker import Worker


class GatewayProcess(Worker):
    """A gateway on one set of topics; `workers` are the ports of the workers' endpoints."""

    command: ClassVar[Sequence[str | Path]] = (Path(sys.executable).parent / "pathcast", "gateway")

    def __init__(
        self,
        broker: Connection,
        names: TopicNames,
        folder: Path,
        workers: Sequence[int] = (),
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        addresses = ",".join(f"http://127.0.0.1:{port}" for port in workers) or "http://127.0.0.1:9"
        super().__init__(broker, names, folder, gateway_workers=addresses, **settings)
        self._settings |= {"gateway_port": self.port, "gateway_datadir": folder / "copies"}

    def post(self, path: str, body: Any, seconds: float = 30.0, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a call; status 0 where no answer came."""
        kinds = {"Content-Type": "application/json", **headers}
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, kinds)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except (OSError, ValueError):
            return 0, None
