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
    last = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
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
    handler.addFilter(Repeats())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")
