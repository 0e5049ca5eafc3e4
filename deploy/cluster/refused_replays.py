"""Dead letters of replays that were refused again: of all letters of one input only the newest is shown."""

from collections.abc import Generator, Iterable
from contextlib import closing
from hashlib import blake2b

from deploy.cluster.dead_letters import DeadLetter, Place, read
from streams.config.connection import Connection


class Replays:
    """Finds letters of a topic that hold the same input.

    The letter of a replay names an earlier letter, usually the first. This counts only where both have the
    same bytes, because any producer could send such a header.
    """

    def __init__(self, letters: Iterable[DeadLetter], topic: str) -> None:
        found = ((one, one.replay_of(topic)) for one in letters)
        replayed = [(_bare(one), of) for one, of in found if of is not None]
        self._before = {one.place: of for one, of in replayed}
        self._chains: dict[tuple[Place, bytes | None], list[DeadLetter]] = {}
        for one, _ in replayed:
            self._chains.setdefault((self._first(one.place), one.value), []).append(one)

    def _first(self, place: Place) -> Place:
        seen = {place}
        while (before := self._before.get(place, place)) not in seen:
            seen.add(before)
            place = before
        return place

    def _chain(self, letter: DeadLetter) -> list[DeadLetter]:
        return self._chains.get((self._first(letter.place), _bare(letter).value), [])

    def newest(self, letter: DeadLetter) -> bool:
        """Whether no later letter holds the same input."""
        return letter.place == max([*self._chain(letter), letter], key=_order).place

    def times(self, letter: DeadLetter) -> int:
        """How often the input of a letter was sent again and refused again."""
        chain = self._chain(letter)
        return max([len(chain), *(one.attempt for one in chain)])


def _bare(letter: DeadLetter) -> DeadLetter:
    """The letter with a digest instead of its bytes, since there may be many letters."""
    digest = blake2b(b"%d" % len(letter.key or b""), digest_size=16)
    digest.update(letter.key or b"")
    digest.update(letter.value or b"")
    return letter._replace(key=None, value=digest.digest())


def _order(letter: DeadLetter) -> tuple[int, int, Place]:
    return letter.timestamp, letter.attempt, letter.place


def read_newest(
    to: Connection, topic: str, reasons: Iterable[str] = ()
) -> Generator[tuple[DeadLetter, int], None, None]:
    """As `read`, but only the newest letter of each input, with the number of its refused replays.

    Raises KafkaUnreachable.
    """
    with closing(read(to, topic)) as letters:
        replays = Replays(letters, topic)
    with closing(read(to, topic, reasons)) as letters:
        for letter in letters:
            if replays.newest(letter):
                yield letter, replays.times(letter)
