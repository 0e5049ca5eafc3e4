"""Headers of records on `clicks` and of dead letters, with their descriptions in the contract."""

from models.contract.decoder import ORIGINAL_TIME
from models.contract.events import Reason
from models.privacy.erasure import FORGET, FORGET_USER, SEALED_ID

#: Headers of an input that `pathcast dead-letters replay` sent: its first letter (topic/partition/offset) and
#: the number of this attempt, from 1. Where it is refused again, its new letter has them too.
REPLAYED_FROM, REPLAY_ATTEMPT = "replayed-from", "replay-attempt"

_REPLAY = {
    REPLAYED_FROM: "Optional, of an input that was replayed: its first dead letter, topic/partition/offset.",
    REPLAY_ATTEMPT: "Beside it: which replay this is, from 1, decimal.",
}
DEAD_LETTER_HEADERS = {
    "reason": f"Why it was refused: {', '.join(Reason)}.",
    "message": "What was found, what was expected, and what to do.",
    "source-topic": "The topic it came from.",
    "source-partition": "Its partition there, decimal.",
    "source-offset": "Its offset there, decimal.",
    "source-timestamp": "Its Kafka timestamp there, epoch milliseconds, decimal.",
    "cut": "`yes` where the input was too large to be kept: then only its beginning is here. Else `no`.",
    **_REPLAY,
}
CLICK_HEADERS = {
    ORIGINAL_TIME: "Optional, from a replay: event time, epoch milliseconds, decimal.",
    **_REPLAY,
    FORGET: "With an empty value: forget the visitor of the key; names the request.",
    SEALED_ID: "Of such a request where pseudonyms are made: the key is one, and this is the id, sealed.",
    FORGET_USER: "With an empty value, on every partition: forget the user of the key and all visitors that "
    "are linked to them; names the request.",
}
