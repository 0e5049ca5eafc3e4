"""The scope of a search for a visitor: an installation, and the names of the visitor in it."""

from collections.abc import Iterable
from typing import NamedTuple

from deploy.privacy.stores import KEYS, PROFILES, STORES
from models.contract.pseudonyms import Pseudonyms
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.eventlog.log import EventLog


class SearchScope(NamedTuple):
    """An installation: its Kafka, topics, settings, event log and pseudonyms."""

    to: Connection
    names: TopicNames
    worker: WorkerSettings
    log: EventLog
    pseudonymiser: Pseudonyms | None = None
    #: Names that are searched instead of those of one visitor, for several people at once.
    names_of: tuple[str, ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        """Names of the topics in which a visitor can be found by key or value."""
        stores = (store for store in STORES if store.holds and store not in (KEYS, PROFILES))
        return tuple(getattr(self.names, role) for store in stores for role in store.topics)

    @property
    def marked(self) -> tuple[str, ...]:
        """Names of the topics on which `visitor forget` writes deletion marks."""
        return tuple(getattr(self.names, role) for store in STORES for role in store.marked)

    def of(self, *names: Iterable[str]) -> "SearchScope":
        """The same scope, with these names to search."""
        return self._replace(names_of=tuple(dict.fromkeys(name for found in names for name in found)))

    def called(self, visitor: str) -> tuple[str, ...]:
        """The names of the visitor: the id, which some topics keep, and the pseudonym."""
        if self.names_of:
            return self.names_of
        return (visitor, self.pseudonymiser.visitor(visitor.encode())) if self.pseudonymiser else (visitor,)
