"""Several partitions of one installation without Kafka, and the messages between them."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from models.contract.pseudonyms import Pseudonyms
from models.identity import user_devices
from models.identity.user_devices import User
from models.state import state_keys, visitor
from models.state.visitor import Visitor
from streams.config.topics import TopicNames
from streams.effects import Effects
from streams.transport.routing import home
from tests.offline import Offline, Record, processing_config, records

START = 1_700_000_000_000


class Partitions:
    """Clicks go where their keys hash to; what partitions tell each other waits until it is delivered."""

    def __init__(self, count: int = 4, pseudonyms: Pseudonyms | None = None) -> None:
        self.count, self.names = count, TopicNames()
        rules = processing_config(count, self.names)
        self.all = [Offline(rules=rules, pseudonyms=pseudonyms, partition=n) for n in range(count)]
        #: By destination and sender: messages under way, in order.
        self.waiting: dict[tuple[int, int], list[Record]] = {}
        self.letters: list[Any] = []
        self.said: list[Any] = []
        self.effects: list[Effects] = []

    def at(self, partition: int, chunk: Sequence[Any] = (), idle_to: int = 0, **sides: Any) -> Effects:
        """Process in one partition; `sides` are records by role."""
        inputs = {getattr(self.names, role): found for role, found in sides.items()}
        effects = self.all[partition].process(chunk, idle_to, inputs)
        for (topic, to), messages in effects.routed.items():
            if topic == self.names.analytics:
                continue
            assert topic == self.names.identities
            queue = self.waiting.setdefault((to, partition), [])
            queue += [Record(len(queue), START, key, value, ()) for key, value, _ in messages]
            self.said += messages
        self.effects.append(effects)
        self.letters += effects.outputs.get(self.names.dead_letters, ())
        return effects

    def clicks(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Apply events, all of a partition as one chunk."""
        chunks: dict[int, list[Record]] = {}
        for record in records(events):
            chunks.setdefault(home(record.key or b"", self.count), []).append(record)
        for partition, chunk in chunks.items():
            self.at(partition, chunk)

    def profile(self, key: str, value: Mapping[str, Any] | None, ts: int = START) -> Effects:
        """A record of the topic `profiles`."""
        found = None if value is None else json.dumps(value).encode()
        return self.at(home(key.encode(), self.count), profiles=[Record(0, ts, key.encode(), found, ())])

    def deliver(self, random: Random | None = None) -> None:
        """Let everything arrive: of each pair in order, the pairs in any order (`random`)."""
        random = random or Random(1)
        while self.waiting:
            to, sender = random.choice(sorted(self.waiting))
            queue = self.waiting.pop((to, sender))
            most = random.randint(1, len(queue))
            if queue[most:]:
                self.waiting[to, sender] = queue[most:]
            self.at(to, identities=queue[:most])

    def visitor(self, name: str, partition: int | None = None) -> Visitor | None:
        """The record of a visitor."""
        where = home(name.encode(), self.count) if partition is None else partition
        value = self.all[where].state.get(state_keys.visitor(name))
        return None if value is None else visitor.decode(value)

    def user(self, name: str) -> User | None:
        """The record of a user."""
        value = self.all[home(name.encode(), self.count)].state.get(state_keys.user(name))
        return None if value is None else user_devices.decode_user(value)

    def traces(self, name: str) -> list[bytes]:
        """State keys of all partitions that have an id, as key or in their value."""
        text = name.encode()
        return [key for one in self.all for key, value in one.state.items() if text in key or text in value]
