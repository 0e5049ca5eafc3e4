"""Which clicks were answered, how often, and by which version, counted click by click."""

from dataclasses import dataclass

_BITS = {"clicks": 1, "purchase_intent": 2, "recommendations": 4, "ad_decisions": 8}
_ALL = sum(_BITS.values())
_BITS["dead_letters"] = 16


@dataclass
class Served:
    """A version: when its first answer was read (s of the wall clock), and how many clicks it answered.

    It began after `after` answered clicks. Of the `tries` that followed, `hits` were among its
    recommended items.
    """

    since: float
    after: int
    clicks: int = 0
    tries: int = 0
    hits: int = 0


class AnswerTally:
    """Clicks by event id with their answers. It grows with the demo's log, which is a day long."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self.clicks = self.answered = self.refused = self.twice = 0
        self.versions: dict[str, Served] = {}

    def saw(self, role: str, event_id: str) -> None:
        """Take in a click, an answer, or a dead letter, in any order."""
        bit, before = _BITS[role], self._seen.get(event_id, 0)
        if before & bit:
            # The second of two equal clicks is a duplicate without answers.
            self.twice += role != "clicks"
            return
        self._seen[event_id] = after = before | bit
        self.clicks += role == "clicks"
        self.answered += after == _ALL
        self.refused += role == "dead_letters"

    def served(self, version: str, now: float) -> None:
        """Count the version that a purchase intent names."""
        found = self.versions.setdefault(version, Served(now, self.answered))
        found.clicks += 1

    def tried(self, version: str, hit: bool) -> None:
        """Count a click after recommendations of a version, and whether they contained its item."""
        if version in self.versions:
            self.versions[version].tries += 1
            self.versions[version].hits += hit

    @property
    def unanswered(self) -> int:
        """Clicks that have neither all three answers nor a dead letter yet."""
        return self.clicks - self.answered - self.refused
