"""A chunk's part in joining devices: messages of other owners, and profiles given by the shop."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from models.contract.events import Reason, Rejected
from models.contract.profile_updates import ProfileDecoder, ProfileUpdate, Removal
from models.identity import linking, user_devices
from models.identity.messages import Given, Message, Others, Snapshot, decode
from models.identity.user_devices import User
from models.privacy.erasure import user_request_of
from models.state import state_keys, traits
from models.state.facts import Facts, Shared, Transition
from models.state.visitor import StateError, Visitor
from streams.config.processing_config import ProcessingConfig
from streams.effects import Work
from streams.identity.given_profiles import GivenProfiles
from streams.identity.outbox import Outbox
from streams.partition_state import links
from streams.partition_state.visitors import VisitorEntry

#: Called for each refused record: the record, its topic, the reason, a message.
Refuse = Callable[[Any, str, Reason, str], None]


class Identities:
    """Reads the state that the side inputs name, applies them before the clicks, collects outgoing messages.

    `kept`: the partition's state may hold profiles given by the topic `profiles`.
    """

    def __init__(self, work: Work, rules: ProcessingConfig, kept: bool) -> None:
        self._work, self._rules, self.given_profiles = work, rules, GivenProfiles(kept)
        self.outbox = Outbox(rules.names.identities, rules.partitions)
        self._messages: list[Message] = []
        self._updates: list[ProfileUpdate | Removal] = []
        #: Visitors linked to a user according to the state, by the user of a request.
        self._linked: dict[str, list[bytes]] = {}
        self._users: dict[str, User | None] = {}
        self._known: set[str] = set()
        #: Requests that erased visitors which users' records still listed.
        self.dropped: list[str] = []

    def decode(self, decoder: ProfileDecoder, refuse: Refuse) -> None:
        """Decode the side inputs' records; an unreadable one becomes a dead letter."""
        names, sides = self._rules.names, self._work.sides
        for record in sides.get(names.identities, ()):
            try:
                self._messages.append(decode(record.value or b""))
            except StateError as error:
                refuse(record, names.identities, Reason.MALFORMED, str(error))
        records: Sequence[Any] = sides.get(names.profiles, ())
        for record, update in zip(records, decoder.decode(records), strict=True):
            if isinstance(update, Rejected):
                refuse(record, names.profiles, update.reason, update.message)
            else:
                self._updates.append(update)

    def expect(self, record: Any) -> None:
        """If the record is a request to forget a user, look up that user's visitors."""
        if user_request_of(record) is not None:
            user_id = user_of(record)
            self._linked[user_id] = links.of_user(self._work.state, user_id)

    def wanted(self) -> list[bytes]:
        """State keys of the visitors that the side inputs need."""
        others = [state_keys.visitor(one.visitor_id) for one in self._messages if isinstance(one, Others)]
        updated = [state_keys.visitor(one.visitor_id) for one in self._updates if one.visitor_id is not None]
        return [*others, *updated, *(key for found in self._linked.values() for key in found)]

    def read(self, entries: Mapping[bytes, VisitorEntry]) -> None:
        """Read users' records and given profiles of the chunk's visitors in one multi-get."""
        users = {one.user_id for one in self._messages if isinstance(one, Snapshot | Given)}
        users.update(self._linked)
        self.given_profiles.kept = self.given_profiles.kept or any(
            one.visitor_id is not None for one in self._updates
        )
        given = self.given_profiles.wanted(entries)
        wanted = [*map(state_keys.user, users), *map(state_keys.given, given)]
        found = dict(zip(wanted, self._work.state.get(wanted), strict=True))
        for user_id in users:
            if (value := found[state_keys.user(user_id)]) is not None:
                self._users[user_id] = user_devices.decode_user(value)
        self._known.update(self._users)
        for key in given:
            self.given_profiles.read(key, found[state_keys.given(key)])

    def apply(self, entries: Mapping[bytes, VisitorEntry]) -> None:
        """Apply the side inputs, before the chunk's clicks."""
        for message in self._messages:
            if isinstance(message, Others):
                visitor = entries[state_keys.visitor(message.visitor_id)].visitor
                if visitor is not None:
                    linking.take_others(visitor, message.user_id, message.summary)
            elif isinstance(message, Snapshot | Given):
                user, told = user_devices.receive(self._users.get(message.user_id), message)
                self._users[message.user_id] = user
                self.outbox.put(told)
                if isinstance(message, Snapshot) and message.request:
                    self.dropped.append(message.request)
        for update in self._updates:
            self._update(update, entries)

    def _update(self, update: ProfileUpdate | Removal, entries: Mapping[bytes, VisitorEntry]) -> None:
        if update.user_id is not None:
            given_profiles = None if isinstance(update, Removal) else traits.replaced(None, update)
            self.outbox.put([Given(update.user_id, given_profiles)])
        if update.visitor_id is None:
            return
        key = state_keys.visitor(update.visitor_id)
        visitor = entries[key].visitor
        refuses = visitor is not None and visitor.denied
        given = None
        if not isinstance(update, Removal) and not refuses:
            given = traits.replaced(self.given_profiles.of(key), update)
        self.given_profiles.keep(key, given)
        if visitor is not None:
            self.tell(key, linking.give(visitor, given))

    def began(self, key: bytes, visitor: Visitor, facts: Facts) -> None:
        """A session began: a new visitor gets the shop's given profile; one who refuses keeps nothing."""
        if (given := self.given_profiles.of(key)) is None:
            return
        if not facts.consent:
            self.given_profiles.keep(key, None)
        elif facts.born:
            self.tell(key, linking.give(visitor, given))

    def tell(self, key: bytes, transitions: Sequence[Transition]) -> None:
        """Tell the owner of a visitor's user about the visitor's transitions; `key` is that of the record."""
        if any(type(one) is Shared for one in transitions):
            visitor_id = state_keys.visitor_id(key)
            self.outbox.put(user_devices.snapshots(visitor_id, self._work.partition, transitions))

    def forget(self, key: bytes, visitor: Visitor | None, request: str) -> int:
        """A visitor is about to be erased; returns how many users' owners will confirm its removal."""
        self.given_profiles.keep(key, None)
        found = linking.unlink(visitor) if visitor is not None else []
        told = user_devices.snapshots(state_keys.visitor_id(key), self._work.partition, found)
        self.outbox.put(replace(one, request=request) for one in told)
        return len(told)

    def forget_user(self, user_id: str, entries: Mapping[bytes, VisitorEntry]) -> tuple[bool, list[bytes]]:
        """Drop the profile given for a user; returns whether their record is here, and their visitors' keys.

        Devices leave the record one by one as their owners erase them, so a device that was linked again
        meanwhile stays.
        """
        user = self._users.get(user_id)
        known = user is not None
        if known:
            self._users[user_id], told = user_devices.receive(user, Given(user_id, None))
            self.outbox.put(told)
        linked = [key for key, one in entries.items() if one.visitor and one.visitor.user_id == user_id]
        return known, linked

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """State changes: users' records and visitors' given profiles."""
        changed = [
            (state_keys.user(name), user_devices.encode(user) if user is not None else None)
            for name, user in self._users.items()
            if user is not None or name in self._known
        ]
        return changed + self.given_profiles.changes()


def user_of(record: Any) -> str:
    """The user id of a request, as the state holds it."""
    return str(record.key.decode("utf-8", "replace"))
