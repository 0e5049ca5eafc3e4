"""Dead letters by reason, with the latest of each as samples."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gateway.dashboard.feeds.time_buckets import TimeBuckets
from models.contract.events import Reason

#: Samples that are kept of each reason.
SAMPLES: Final = 5
#: Characters of a message, and bytes of an input, that a sample keeps.
MESSAGE_CHARS, INPUT_BYTES = 300, 400
#: Characters of a message by which messages are counted: what was found and expected, without advice.
COUNTED_CHARS: Final = 80
#: What the first words of a message are where an event's name is not known.
EVENT_MESSAGE: Final = "event is "


class RefusalSample(NamedTuple):
    """A dead letter; `begins` is the beginning of the input as text."""

    at: int
    reason: str
    message: str
    source: str
    size: int
    begins: str


class RefusedInputs:
    """Counts by reason and by the beginning of the message, which quotes no more than the worker wrote."""

    def __init__(self) -> None:
        self.counts = TimeBuckets(most_names=100)
        self.messages = TimeBuckets(most_names=100)
        self._samples: defaultdict[str, deque[RefusalSample]] = defaultdict(lambda: deque(maxlen=SAMPLES))

    def take(self, now: int, records: Sequence[Any]) -> None:
        """Count dead letters by their headers; a record without those of a worker counts as `unknown`."""
        found = [_sample(record) for record in records]
        times = [one.at for one in found]
        self.counts.take(now, times, [(one.reason,) for one in found])
        self.messages.take(now, times, [(one.reason, one.message[:COUNTED_CHARS]) for one in found])
        for one in found:
            self._samples[one.reason].append(one)

    def samples(self) -> list[RefusalSample]:
        """The kept samples, the latest first."""
        kept = [one for held in list(self._samples.values()) for one in list(held)]
        return sorted(kept, key=lambda one: -one.at)


def _sample(record: Any) -> RefusalSample:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers[:7]}
    reason = headers.get("reason", "")
    place = "/".join(headers.get(f"source-{name}", "?") for name in ("topic", "partition", "offset"))
    value = record.value or b""
    return RefusalSample(
        record.timestamp,
        reason if reason in tuple(Reason) else "unknown",
        headers.get("message", "")[:MESSAGE_CHARS],
        place,
        len(value),
        value[:INPUT_BYTES].decode("utf-8", "replace"),
    )
