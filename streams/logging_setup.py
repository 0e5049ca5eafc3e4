"""Logging set-up: JSON lines or text for people, for our own lines and those of libraries alike."""

import logging
import sys
from collections.abc import Callable
from time import monotonic

import structlog

#: Libraries whose INFO lines help only their authors.
_QUIET = ("kafka", "aiokafka", "mode", "faust")
#: What libraries say here at DEBUG has requests and responses in it, and so the ids of visitors.
_WIRE = ("aiokafka.conn", "kafka.net", "kafka.producer", "kafka.protocol")

#: How often a line of a library may appear in a window (s): lines repeat while a broker is down.
_REPEATS, _WINDOW = 5, 10.0
#: Expected complaints during start-up, by logger: a new cluster has no group coordinator yet, and a new
#: member does not know the topics yet. They are suppressed for the first seconds.
_AT_FIRST = {
    "aiokafka.consumer.group_coordinator": "CoordinatorNotAvailableError",
    "kafka.coordinator.assignors.range": "No partition metadata for topic",
}
_STARTING = 10.0
#: Different lines remembered at most: some contain a varying value.
_KNOWN = 1000


class RepeatLimit(logging.Filter):
    """Suppresses repeated lines of libraries, and reports their number once the window is over."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: By logger and message: the start of its window, and how often it appeared since.
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show the line. Our own lines, which are dicts, always pass."""
        if not isinstance(record.msg, str):
            return True
        key, now = (record.name, record.msg), self._clock()
        since, count = self._seen.get(key, (now, 0))
        if now - since < _WINDOW:
            self._seen[key] = since, count + 1
            return count < _REPEATS
        if len(self._seen) >= _KNOWN:
            self._seen.clear()
        self._seen[key] = now, 1
        if count > _REPEATS:
            record.msg = f"{record.msg} (and {count - _REPEATS} times in the {now - since:.0f} s before)"
        return True


class StartUpNoise(logging.Filter):
    """Suppresses complaints of Kafka's clients while they, or a new cluster, start.

    The clients retry and succeed within seconds. A complaint that lasts longer, or comes later, is shown.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: When each logger first complained.
        self._since: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show the line."""
        if not _passes(record):
            return True
        now = self._clock()
        return now - self._since.setdefault(record.name, now) >= _STARTING


def _passes(record: logging.LogRecord) -> bool:
    """Whether the line is an expected complaint during start-up."""
    known = _AT_FIRST.get(record.name)
    return known is not None and known in f"{record.getMessage()} {type(_last(record.args)).__name__}"


def _last(arguments: object) -> object:
    return arguments[-1] if isinstance(arguments, tuple) and arguments else None


def configure(level: str, form: str) -> None:
    """Write lines of at least `level` to standard output as `form` ("json" or "console")."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(sys.stdout.isatty())
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                last,
            ],
        )
    )
    handler.setLevel(level.upper())
    handler.addFilter(StartUpNoise())
    handler.addFilter(RepeatLimit())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")
    for name in _WIRE:
        logging.getLogger(name).setLevel("INFO" if level == "debug" else "WARNING")
