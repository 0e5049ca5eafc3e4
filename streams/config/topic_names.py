"""Select topics of a table by what their entries say."""

from collections.abc import Callable, Mapping

from pydantic_settings import BaseSettings

from streams.config.topic import Partitions, Topic


def entries(table: type[BaseSettings]) -> Mapping[str, Topic]:
    """The entry of each field of a table, by role. Raises StopIteration for a field without one."""
    return {
        role: next(entry for entry in field.metadata if isinstance(entry, Topic))
        for role, field in table.model_fields.items()
    }


def changelog_of(application_id: str) -> str:
    """The topic that holds an installation's state."""
    return f"{application_id}-state-changelog"


class SelectableNames(BaseSettings):
    """Names of topics, each a field with an entry, that can be selected by their entries."""

    @property
    def by_visitor(self) -> tuple[str, ...]:
        """Topics by visitor that every installation has; all have as many partitions as `clicks`."""
        return self.named(lambda topic: topic.partitions is Partitions.BY_VISITOR and not topic.only_sealed)

    @property
    def sides(self) -> tuple[str, ...]:
        """Inputs beside clicks that change the state of visitors."""
        return self.named(lambda topic: topic.side_input)

    @property
    def broadcast(self) -> tuple[str, ...]:
        """Compacted topics of one partition."""
        return self.named(lambda topic: topic.partitions is Partitions.ONE)

    def used(self, sealing: bool) -> tuple[str, ...]:
        """All topics that an installation has; `sealing`: it seals answers."""
        return self.named(lambda topic: sealing or not topic.only_sealed)

    def named(self, wanted: Callable[[Topic], bool]) -> tuple[str, ...]:
        """The names of the topics for which `wanted` holds, in the order of the table."""
        return tuple(getattr(self, role) for role, topic in entries(type(self)).items() if wanted(topic))
