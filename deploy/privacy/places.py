"""Where an installation keeps things, and what a visitor is called there."""

from typing import NamedTuple

from deploy.privacy.stores import TOPICS
from models.pseudonyms import Pseudonyms
from streams.connection import Connection
from streams.settings import WorkerSettings
from streams.topics import TopicNames
from trainer.eventlog.log import EventLog


class Places(NamedTuple):
    """Where an installation keeps things."""

    to: Connection
    names: TopicNames
    worker: WorkerSettings
    log: EventLog
    hidden: Pseudonyms | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics in which a visitor can be found, by name."""
        return tuple(getattr(self.names, role) for role in TOPICS.topics)

    def called(self, visitor: str) -> tuple[str, ...]:
        """What the visitor is called here: the id, which some topics keep, and the pseudonym."""
        return (visitor, self.hidden.visitor(visitor.encode())) if self.hidden else (visitor,)
