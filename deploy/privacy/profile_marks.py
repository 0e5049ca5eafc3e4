"""Delete records of the topic `profiles` about a person who is forgotten."""

from collections.abc import Collection

from deploy.privacy import visitor_keys
from deploy.privacy.expiry import retention_of
from deploy.privacy.proof_lines import ProofLine, date
from deploy.privacy.search_scope import SearchScope
from deploy.privacy.stores import PROFILES


def delete_profiles(scope: SearchScope, names: Collection[str], at: int) -> ProofLine:
    """Write deletion marks for the records of these ids; returns the line of the proof.

    The visitors of a user may be known by pseudonym only, but the records of the shop have plain ids as keys.
    So each key of the topic is hashed, and records whose pseudonym is among `names` are deleted. Workers drop
    their copies in any case. Raises KafkaUnreachable.
    """
    topic, wire = scope.names.profiles, scope.worker.wire_format()
    held = visitor_keys.current_records(scope.to, topic, names, scope.pseudonymiser, wire)
    visitor_keys.delete(scope.to, topic, held, wire)
    if not held:
        return ProofLine(f"{PROFILES.name} {topic}", "0 records", "", "now")
    gone = retention_of(scope.to, [topic])[topic].compacted(at)
    told = date(gone) if gone else "no date: set max.compaction.lag.ms of the topic"
    return ProofLine(f"{PROFILES.name} {topic}", f"{len(held)} records", PROFILES.leaves, told)
