"""Owners of visitors and users as partitions that only send messages, and a plain account of what comes out.

Each partition works off its own clicks and requests in order; messages between two partitions arrive in
order, and everything else in the order that chance gives.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import xxhash

from models.contract.events import Click
from models.contract.profile_updates import ProfileUpdate, Removal
from models.identity import linking, user_devices
from models.identity.messages import Given, Message, Others, Snapshot, decode, encode
from models.sessions.lifecycle import SessionConfig, advance
from models.sessions.session import step
from models.state.facts import ClickStatus
from models.state.summary import Summary
from models.state.traits import Traits, replaced
from models.state.visitor import Visitor

Op = Callable[["Partition"], None]


def home(name: str, partitions: int) -> int:
    """The partition of a key."""
    return xxhash.xxh3_64_intdigest(name.encode()) % partitions


class Partition:
    """What a worker does for one partition, without Kafka; `waiting` are its clicks and requests."""

    def __init__(self, world: "World", number: int) -> None:
        self.world, self.number = world, number
        self.visitors: dict[str, Visitor] = {}
        self.users: dict[str, user_devices.User] = {}
        self.given: dict[str, Traits] = {}
        self.watermark = 0
        self.waiting: deque[Op] = deque()

    def send(self, name: str, found: Any) -> None:
        """Pass on what a function of `models` returned for a visitor."""
        for message in user_devices.snapshots(name, self.number, found):
            assert isinstance(message, Snapshot)
            self.world.latest[name] = (message.user_id, message.summary)
            self.world.send(self.number, message)

    def click(self, click: Click) -> None:
        """Step a click."""
        name = click.visitor_id
        self.watermark = max(self.watermark, click.ts)
        visitor, facts = step(self.visitors.get(name), click, self.watermark, self.world.config)
        self.visitors[name] = visitor
        if facts.born:
            self.world.logins.pop(name, None)
            self.world.refusals.pop(name, None)
        self.send(name, facts.transitions)
        if facts.status is not ClickStatus.APPLIED:
            return
        if facts.born and name in self.given:
            self.send(name, linking.give(visitor, self.given[name]))
        if not facts.consent:
            self.given.pop(name, None)
            self.world.logins.pop(name, None)
            if click.consent is False:
                self.world.refusals[name] = visitor.last_ts
        elif click.user_id is not None:
            self.world.login(name, click.ts, click.user_id)

    def pass_time(self, watermark: int) -> None:
        """Ring everybody's timer."""
        self.watermark = max(self.watermark, watermark)
        for name, visitor in list(self.visitors.items()):
            left, found = advance(visitor, self.watermark, self.world.config)
            if left is None:
                del self.visitors[name]
                self.world.logins.pop(name, None)
            self.send(name, found)

    def forget(self, name: str) -> None:
        """Forget a visitor."""
        visitor = self.visitors.pop(name, None)
        self.given.pop(name, None)
        self.world.logins.pop(name, None)
        if visitor is not None:
            self.send(name, linking.unlink(visitor))

    def forget_user(self, user_id: str) -> None:
        """Forget a user's visitors of this partition, and the user where it is at home."""
        for name in [name for name, visitor in self.visitors.items() if visitor.user_id == user_id]:
            self.forget(name)
        if home(user_id, len(self.world.partitions)) == self.number:
            self.receive(Given(user_id, None))

    def update(self, update: ProfileUpdate | Removal) -> None:
        """A record of the topic `profiles`."""
        removal = isinstance(update, Removal)
        if update.user_id is not None:
            self.world.send(self.number, Given(update.user_id, None if removal else replaced(None, update)))
        if update.visitor_id is None:
            return
        name, visitor = update.visitor_id, self.visitors.get(update.visitor_id)
        held = self.given.pop(name, None)
        made = None if removal or (visitor and visitor.denied) else replaced(held, update)
        if made is not None:
            self.given[name] = made
        if visitor is not None:
            self.send(name, linking.give(visitor, made))

    def work(self, op: Op) -> None:
        """The next of the partition's own clicks and requests."""
        op(self)

    def take(self, message: bytes) -> None:
        """The next of a channel's messages."""
        self.receive(decode(message))

    def receive(self, message: Message) -> None:
        """A message of another owner, or of this one."""
        if isinstance(message, Others):
            visitor = self.visitors.get(message.visitor_id)
            if visitor is not None:
                linking.take_others(visitor, message.user_id, message.summary)
            return
        user, sent = user_devices.receive(self.users.pop(message.user_id, None), message)
        if user is not None:
            self.users[message.user_id] = user_devices.decode_user(user_devices.encode(user))
        for one in sent:
            self.world.send(self.number, one)


class World:
    """Partitions, what is on its way between them, and the plain account of logins and latest snapshots."""

    def __init__(self, partitions: int, config: SessionConfig | None = None) -> None:
        self.config = config or SessionConfig()
        self.partitions = [Partition(self, number) for number in range(partitions)]
        self.channels: dict[tuple[int, int], deque[bytes]] = defaultdict(deque)
        #: By visitor: time and user of the latest login; user and summary last sent.
        self.logins: dict[str, tuple[int, str]] = {}
        #: By visitor: time of the latest refusal; an older login does not count.
        self.refusals: dict[str, int] = {}
        self.latest: dict[str, tuple[str, Summary | None]] = {}
        self.messages = 0

    def login(self, name: str, ts: int, user_id: str) -> None:
        """The latest login by event time counts; of two at one time the later record."""
        if ts >= max(self.logins.get(name, (0, ""))[0], self.refusals.get(name, 0)):
            self.logins[name] = ts, user_id

    def send(self, source: int, message: Message) -> None:
        """Put a message on its way."""
        if isinstance(message, Others):
            target = message.partition
        else:
            target = home(message.user_id, len(self.partitions))
        self.channels[source, target].append(encode(message))
        self.messages += 1

    def of(self, name: str) -> Partition:
        """The partition of a visitor, or of a key of `profiles`."""
        return self.partitions[home(name, len(self.partitions))]

    def run(self, random: Random, burst: int = 1) -> None:
        """Work off everything, up to `burst` of a partition's or channel's at a time, in a random order."""
        while ready := list(self._ready()):
            waiting, work = random.choice(ready)
            for _ in range(min(len(waiting), random.randint(1, burst))):
                work(waiting.popleft())

    def _ready(self) -> Iterator[tuple[deque[Any], Callable[[Any], None]]]:
        for own in self.partitions:
            if own.waiting:
                yield own.waiting, own.work
        for (_, target), channel in self.channels.items():
            if channel:
                yield channel, self.partitions[target].take

    def visitors(self) -> dict[str, Visitor]:
        """All visitors."""
        return {name: visitor for own in self.partitions for name, visitor in own.visitors.items()}

    def users(self) -> dict[str, user_devices.User]:
        """All users."""
        return {name: user for own in self.partitions for name, user in own.users.items()}

    def expected(self, given: dict[str, Traits]) -> dict[str, Summary | None]:
        """By linked visitor the sum of the latest snapshots of the user's other devices, added up plainly."""
        devices = defaultdict(set)
        for name, (_, user_id) in self.logins.items():
            devices[user_id].add(name)
        return {
            name: plain_sum(
                [self._snapshot(user_id, other) for other in sorted(devices[user_id] - {name})],
                given.get(user_id),
            )
            for name, (_, user_id) in self.logins.items()
        }

    def _snapshot(self, user_id: str, name: str) -> Summary:
        sent_to, summary = self.latest[name]
        assert sent_to == user_id
        assert summary is not None
        return summary


def plain_sum(summaries: list[Summary], given: Traits | None) -> Summary | None:
    """What `models.identity.joining.total` must come to, written without it."""
    if not summaries and plain_traits([given]) is None:
        return None
    day = max((one.profile_day for one in summaries), default=0)
    made = Summary(profile_day=day, traits=plain_traits([*(one.traits for one in summaries), given]))
    for one in summaries:
        share = int(65_536 * 0.5 ** ((day - one.profile_day) / 30)) if day - one.profile_day <= 480 else 0
        for name in ("sessions", "bought_sessions", "orders"):
            setattr(made, name, min(65_535, getattr(made, name) + getattr(one, name)))
        made.total_spend = min((1 << 53) - 1, made.total_spend + one.total_spend)
        made.purchase_ts = max(made.purchase_ts, one.purchase_ts)
        made.totals = [min(65_535, a + b) for a, b in zip(made.totals, one.totals, strict=True)]
        made.price_weight += one.price_weight * share // 65_536
        made.price_sum += one.price_sum * share // 65_536
        for category, weight in one.categories.items():
            made.categories[category] = made.categories.get(category, 0) + weight * share // 65_536
    heaviest = sorted(made.categories.items(), key=lambda pair: (-pair[1], pair[0]))[:8]
    made.categories = {category: weight for category, weight in heaviest if weight}
    return made


def plain_traits(sources: list[Traits | None]) -> Traits | None:
    """Field by field the newest word."""
    made, known = Traits(), [source for source in sources if source is not None]
    for name in ("age", "gender", "region", "interests"):
        words = [(getattr(one, name + "_ts"), getattr(one, name)) for one in known if getattr(one, name)]
        if words:
            newest = max(ts for ts, _ in words)
            best = [value for ts, value in words if ts == newest]
            greatest = max(best, key=lambda value: sorted(value.items()) if name == "interests" else value)
            setattr(made, name, greatest)
            setattr(made, name + "_ts", newest)
    return made if made != Traits() else None
