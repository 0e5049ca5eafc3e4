"""Log lines: one JSON object each, or text for people; the libraries' own lines take the same way."""

import logging
import sys
from collections.abc import Callable
from time import monotonic

import structlog

#: What these say at their usual level is of use to their authors.
_QUIET = ("kafka", "aiokafka", "mode", "faust")

#: A library's line may come so often in so many seconds: while a broker is down they repeat without end.
_REPEATS, _WINDOW = 5, 10.0
#: What a start brings with it, by who says it: a new cluster has no coordinator of groups yet, a new member
#: of a group does not know the topics yet. For so many seconds nothing is wrong with that.
_AT_FIRST = {
    "aiokafka.consumer.group_coordinator": "CoordinatorNotAvailableError",
    "kafka.coordinator.assignors.range": "No partition metadata for topic",
}
_STARTING = 10.0
#: Different lines remembered at most: some carry what they are about in their text.
_KNOWN = 1000


class Repeats(logging.Filter):
    """Holds back what a library says again and again, and says how often once its window is over."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: By logger and message: when its window began, and how often it came since.
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show it. Our own lines, which are dicts, always are."""
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


class FirstLooks(logging.Filter):
    """Holds back what Kafka's clients complain of while they, or a new cluster, are only getting started.

    They ask again, and have an answer within seconds. What goes on for longer than that, or comes later, is
    something to know.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: When each was first said, by logger.
        self._since: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show it."""
        if not _passes(record):
            return True
        now = self._clock()
        return now - self._since.setdefault(record.name, now) >= _STARTING


def _passes(record: logging.LogRecord) -> bool:
    """Whether a line is of something that a start brings with it."""
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
    handler.addFilter(FirstLooks())
    handler.addFilter(Repeats())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")
