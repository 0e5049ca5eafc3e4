"""Traits of a person beside behaviour: age band, gender, region, long-term interests.

Texts are kept as the hashes that features put into buckets. Each field has the event time of its value; of
two sources the newer value of a field wins, in whatever order they arrive.
"""

from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Final

import msgspec
import xxhash

from models.contract.profile_updates import ProfileUpdate
from models.durations import DAY_MS
from models.state.codes import category_hash

#: A value from clicks is dropped when it was not repeated for so long; one from the topic stays.
KEPT_MS: Final = 180 * DAY_MS
#: Weight 1 of an interest.
WHOLE: Final = 1000


class Traits(msgspec.Struct, array_like=True, gc=False):
    """Hashes (64 bits; 0: not known) with the event time of each, epoch ms.

    `interests`: weight in thousandths (1 to 1,000) by the 32-bit hash of a category, at most 16.
    """

    age: int = 0
    age_ts: int = 0
    gender: int = 0
    gender_ts: int = 0
    region: int = 0
    region_ts: int = 0
    interests: dict[int, int] = {}
    interests_ts: int = 0


#: Shared value for unknown persons; never changed.
NONE: Final = Traits()
_FIELDS: Final = ("age", "gender", "region", "interests")
_TIMED: Final = {name: attrgetter(name, f"{name}_ts") for name in _FIELDS}

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Traits)

#: msgpack of traits, for the state.
encode = _encoder.encode
decode = _decoder.decode


@lru_cache(maxsize=1 << 14)
def trait(text: str | None) -> int:
    """The 64-bit hash of a text whatever its case, never 0; 0 for none."""
    return (xxhash.xxh3_64_intdigest(text.lower().encode()) or 1) if text else 0


def newest(sources: Iterable[Traits | None]) -> Traits | None:
    """By field the newest value of any source; of equally new ones the greatest. None if nothing is known.

    The order of the sources makes no difference.
    """
    known = [source for source in sources if source is not None]
    made = Traits()
    for name in _FIELDS:
        words = [(ts, value) for value, ts in map(_TIMED[name], known) if value]
        if words:
            ts, value = max(words, key=_rank)
            setattr(made, name, dict(sorted(value.items())) if name == "interests" else value)
            setattr(made, f"{name}_ts", ts)
    return made if made != NONE else None


def _rank(word: tuple[int, int | dict[int, int]]) -> tuple[int, object]:
    ts, value = word
    return ts, sorted(value.items()) if isinstance(value, dict) else value


def replaced(held: Traits | None, update: ProfileUpdate) -> Traits:
    """The given traits after an update of the topic `profiles`, which replaces an older update wholly.

    Compaction leaves only the last record of a key, so a record is never a delta. A refusal of consent keeps
    its time only, so that an older record does not come back.
    """
    if held is not None and update.ts < held.age_ts:
        return held
    ts = update.ts
    made = Traits(age_ts=ts, gender_ts=ts, region_ts=ts, interests_ts=ts)
    if update.consent is False:
        return made
    made.age, made.gender, made.region = trait(update.age_band), trait(update.gender), trait(update.region)
    weights = {category_hash(name): round(weight * WHOLE) for name, weight in update.interests.items()}
    made.interests = {category: weight for category, weight in sorted(weights.items()) if weight}
    return made


def without_old(traits: Traits | None, now: int) -> Traits | None:
    """The traits without values older than KEPT_MS at `now` (epoch ms); None if none is left."""
    if traits is None or now - min(_times(traits), default=now) <= KEPT_MS:
        return traits
    return newest([_since(traits, now - KEPT_MS)])


def _times(traits: Traits) -> list[int]:
    return [ts for value, ts in (get(traits) for get in _TIMED.values()) if value]


def _since(traits: Traits, least: int) -> Traits:
    left = Traits()
    for name, get in _TIMED.items():
        value, ts = get(traits)
        if ts >= least:
            setattr(left, name, value)
            setattr(left, f"{name}_ts", ts)
    return left
