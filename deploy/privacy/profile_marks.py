"""What the shop itself says of a person on the topic `profiles`: taken back when they are forgotten."""

from collections.abc import Collection

from deploy.privacy import visitor_keys
from deploy.privacy.expiry import kept
from deploy.privacy.lines import Line, date
from deploy.privacy.places import Places
from deploy.privacy.stores import PROFILES


def taken_back(places: Places, names: Collection[str], at: int) -> Line:
    """Write deletion marks where there are records of these ids, and say what that was.

    Of a user's visitors only pseudonyms may be known, but the shop's records are under plain ids: each key of
    the topic is hashed, and those are taken back whose pseudonym is among `names`. Workers
    drop what they have of them in any case. Raises KafkaUnreachable.
    """
    topic = places.names.profiles
    held = visitor_keys.standing(places.to, topic, names, places.pseudonymiser)
    visitor_keys.delete(places.to, topic, held)
    if not held:
        return Line(f"{PROFILES.name} {topic}", "0 records", "", "now")
    gone = kept(places.to, [topic])[topic].compacted(at)
    told = date(gone) if gone else "no date: set max.compaction.lag.ms of the topic"
    return Line(f"{PROFILES.name} {topic}", f"{len(held)} records", PROFILES.leaves, told)
