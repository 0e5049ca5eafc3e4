"""Which segment a session is of, as its clicks say: device, channel and country as one short text."""

from functools import lru_cache
from typing import Final

DIMENSIONS: Final = ("device", "channel", "country")
MOST_CHARS: Final = 32
#: Between the values in a visitor's record: the unit separator, which no value keeps.
_SEPARATOR: Final = "\x1f"


@lru_cache(maxsize=1 << 14)
def after_click(segment: str, device: str | None, channel: str | None, country: str | None) -> str:
    """The session's segment after a click that names some of its dimensions; the latest value counts."""
    said = (device, channel, country)
    if said == (None, None, None):
        return segment
    pairs = zip(values_of(segment), said, strict=True)
    values = [before if value is None else _short(value) for before, value in pairs]
    return _SEPARATOR.join(values)


def values_of(segment: str) -> tuple[str, ...]:
    """The values of DIMENSIONS, empty where no click has named one."""
    return tuple(segment.split(_SEPARATOR)) if segment else ("",) * len(DIMENSIONS)


def _short(value: str) -> str:
    return value.replace(_SEPARATOR, " ")[:MOST_CHARS]
