"""Devices of one user in the replay of a log: messages of `models.identity.user_devices`, delivered at once.

While serving, they take a chunk or two to arrive; here they count from the next click on.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from models.contract.profile_updates import ProfileUpdate
from models.durations import MINUTE_MS
from models.identity import linking, user_devices
from models.identity.messages import Given, Message, Others
from models.sessions.lifecycle import SessionConfig, advance
from models.state.facts import Facts, Transition
from models.state.traits import Traits, replaced
from models.state.visitor import Visitor

Profiles = Sequence[ProfileUpdate]


class Devices:
    """Users of a log, timers of linked visitors, and the records of the topic `profiles`.

    `visitors` are those of the replay; linked ones change here when messages of others reach them.
    """

    def __init__(self, visitors: dict[str, Visitor], config: SessionConfig, profiles: Profiles = ()) -> None:
        self.users: dict[str, user_devices.User] = {}
        self.given: dict[str, Traits] = {}
        self._visitors, self._config = visitors, config
        self._profiles = deque(sorted(profiles, key=lambda update: update.ts))
        self._timers: list[tuple[int, str]] = []
        self._timer_minutes: dict[str, int] = {}

    def pass_time(self, watermark: int) -> None:
        """Do what is due at `watermark` (epoch ms of event time): profiles, ends of linked sessions."""
        while self._profiles and self._profiles[0].ts <= watermark:
            self._take(self._profiles.popleft())
        reached = watermark // MINUTE_MS
        while self._timers and self._timers[0][0] <= reached:
            minute, name = heappop(self._timers)
            if self._timer_minutes.get(name) == minute:
                del self._timer_minutes[name]
                self._advance(name, watermark)

    def born(self, visitor: Visitor, name: str) -> None:
        """Give a new visitor their record in `profiles`; call it before features are read."""
        linking.give(visitor, self.given.get(name))

    def stepped(self, name: str, visitor: Visitor, facts: Facts) -> None:
        """Deliver the messages of a step; call it after the features of the click are read."""
        if not facts.consent:
            self.given.pop(name, None)
        self._deliver(name, facts.transitions)
        if visitor.user_id:
            self._arm(name, visitor)

    def _arm(self, name: str, visitor: Visitor) -> None:
        session_timer = self._timer_minutes.get(name)
        if session_timer is None or visitor.session_timer < session_timer:
            self._timer_minutes[name] = visitor.session_timer
            heappush(self._timers, (visitor.session_timer, name))

    def _advance(self, name: str, watermark: int) -> None:
        visitor = self._visitors.get(name)
        if visitor is None or not visitor.user_id:
            return
        left, transitions = advance(visitor, watermark, self._config)
        if left is None:
            del self._visitors[name]
        else:
            self._arm(name, left)
        self._deliver(name, transitions)

    def _deliver(self, name: str, transitions: Iterable[Transition]) -> None:
        self._pass_on(user_devices.snapshots(name, 0, transitions))

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, Others):
                visitor = self._visitors.get(message.visitor_id)
                if visitor is not None:
                    linking.take_others(visitor, message.user_id, message.summary)
                continue
            user, sent = user_devices.receive(self.users.pop(message.user_id, None), message)
            if user is not None:
                self.users[message.user_id] = user
            self._pass_on(sent)

    def _take(self, update: ProfileUpdate) -> None:
        if update.user_id is not None:
            self._pass_on([Given(update.user_id, replaced(None, update))])
            return
        name = update.visitor_id or ""
        made, visitor = replaced(self.given.pop(name, None), update), self._visitors.get(name)
        if not (visitor and visitor.denied):
            self.given[name] = made
        if visitor is not None:
            self._deliver(name, linking.give(visitor, made))
