"""Which names and partition counts of topics fit together."""

from collections.abc import Mapping

from streams.config.topic import Partitions
from streams.config.topics import TopicNames
from streams.errors import SetUpError


def check(counts: Mapping[str, int], names: TopicNames) -> None:
    """Raises SetUpError unless names differ, visitor-keyed topics have equal counts, broadcast ones 1.

    `counts` are those of the topics that exist.
    """
    roles = names.model_dump()
    twice = {name: [role for role in roles if roles[role] == name] for name in roles.values()}
    if len(twice) < len(roles):
        name, shared = next((name, shared) for name, shared in twice.items() if len(shared) > 1)
        variables = ", ".join(f"PATHCAST_TOPIC_{role.upper()}" for role in shared)
        raise SetUpError(f"{variables} all name {name!r}: every topic needs a name of its own")
    keyed = names.named(lambda topic: topic.partitions is Partitions.BY_VISITOR)
    by_visitor = {topic: counts[topic] for topic in keyed if topic in counts}
    if len(set(by_visitor.values())) > 1:
        raise SetUpError(
            f"topics keyed by visitor differ in their partitions ({_listed(by_visitor)}): expected equal "
            "counts, since an answer goes to the partition of its click. `pathcast topics --mend` adds "
            "partitions to the smaller ones, or name others (PATHCAST_TOPIC_*)"
        )
    wide = {topic: counts[topic] for topic in names.broadcast if counts.get(topic, 1) != 1}
    if wide:
        raise SetUpError(
            f"broadcast topics have several partitions ({_listed(wide)}): expected 1, since the order of "
            "updates matters. Delete them and run `pathcast topics`, or name others (PATHCAST_TOPIC_*)"
        )


def check_state(changelog: str, kept: int, topic: str, count: int) -> None:
    """Raises SetUpError where `topic` has another number of partitions than the state in `changelog`."""
    if kept != count:
        raise SetUpError(
            f"{topic} has {count} partitions, its state in {changelog} has {kept}: later clicks of a visitor "
            "may come to another partition than the visitor's state, which cannot be divided in place; "
            "`pathcast state grow` says what to do"
        )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{topic}: {count}" for topic, count in counts.items())
