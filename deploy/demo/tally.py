"""Which clicks were answered, how often, and by which version of the model: counted, click by click."""

from dataclasses import dataclass

_BITS = {"clicks": 1, "purchase_intent": 2, "recommendations": 4, "ad_decisions": 8}
_ALL = sum(_BITS.values())
_BITS["dead_letters"] = 16


@dataclass
class Served:
    """A version: when its first answer was read (s of the wall clock), after how many answered clicks, and
    how many clicks it answered. Of the `tries` that followed, `hits` were among the items it recommended."""

    since: float
    after: int
    clicks: int = 0
    tries: int = 0
    hits: int = 0


class AnswerTally:
    """Clicks by event id, and what was read of each. It grows with the demo's log, which is a day long."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self.clicks = self.answered = self.refused = self.twice = 0
        self.versions: dict[str, Served] = {}

    def saw(self, role: str, event_id: str) -> None:
        """A click, an answer to one, or the click as a dead letter, in any order."""
        bit, before = _BITS[role], self._seen.get(event_id, 0)
        if before & bit:
            # A click that was sent twice is a duplicate and has no answers of its own.
            self.twice += role != "clicks"
            return
        self._seen[event_id] = after = before | bit
        self.clicks += role == "clicks"
        self.answered += after == _ALL
        self.refused += role == "dead_letters"

    def served(self, version: str, now: float) -> None:
        """A click's purchase intent names the version that answered."""
        found = self.versions.setdefault(version, Served(now, self.answered))
        found.clicks += 1

    def tried(self, version: str, hit: bool) -> None:
        """What a visitor clicked after recommendations of that version, and whether it was one of them."""
        if version in self.versions:
            self.versions[version].tries += 1
            self.versions[version].hits += hit

    @property
    def unanswered(self) -> int:
        """Clicks that neither have all three answers nor are dead letters, or not yet."""
        return self.clicks - self.answered - self.refused
