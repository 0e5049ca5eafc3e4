"""What a worker remembers and tells of versions that it refused."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

import structlog
from prometheus_client import Counter

from models.contract.updates import ModelReport
from models.registry.refusals import Refusal

log = structlog.get_logger("pathcast.reload")

#: Refusals that `/models` shows.
REMEMBERED = 20
Tell = Callable[[ModelReport], None]


@dataclass(frozen=True, slots=True)
class RefusedVersion:
    """An announcement not followed; `at` is epoch ms, `incumbent` what serves on ("none": no model)."""

    version: str
    refusal: Refusal
    message: str
    at: int
    incumbent: str


class RefusedVersions:
    """The last refusals of one kind; each is logged, counted in `counter` and told to `tell`.

    `placement` is that of a policy, empty for networks.
    """

    def __init__(self, worker: str, tell: Tell, counter: Counter, placement: str = "") -> None:
        self.last: deque[RefusedVersion] = deque(maxlen=REMEMBERED)
        self._worker, self._tell, self._counter, self._placement = worker, tell, counter, placement

    def add(self, version: str, error: Exception, incumbent: str) -> None:
        """Remember and tell that a version was refused; `incumbent` serves on."""
        refusal, message = getattr(error, "refusal", Refusal.OTHER), str(error) or repr(error)
        refused = RefusedVersion(version, refusal, message, int(time.time() * 1000), incumbent)
        self.last.append(refused)
        told = ModelReport(worker=self._worker, kind="refused", placement=self._placement, **asdict(refused))
        self._tell(told)
        self._counter.labels(refusal.value).inc()
        what = "policy" if self._placement else "model"
        log.error(
            f"{what} refused",
            version=version,
            refusal=refusal.value,
            reason=message,
            incumbent=incumbent,
            **({"placement": self._placement} if self._placement else {}),
        )
