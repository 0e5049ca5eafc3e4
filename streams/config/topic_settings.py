"""What of a topic's settings in Kafka differs from the table of topics, what follows from it, and the cure.

A difference by which records that are needed vanish, or the worker ends, must be mended before workers start.
Others are warnings: what is kept for less time or longer than in the table may be as the shop wants it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType

from models.durations import text_of
from streams.config.topic import COMMANDS, WORKER, Topic, VisitorData
from streams.config.topics import TOPICS, TopicNames

POLICY, RETENTION, BYTES = "cleanup.policy", "retention.ms", "retention.bytes"
LARGEST, LAG, MARKS = "max.message.bytes", "max.compaction.lag.ms", "delete.retention.ms"
READ: Final = (POLICY, RETENTION, BYTES, LARGEST, LAG, MARKS)
_FOREVER = 1 << 62
_STAY = "records of a forgotten visitor stay"


class Difference(NamedTuple):
    """A setting of a topic that differs; `value` mends it; `must`: no worker starts with it."""

    topic: str
    setting: str
    found: str
    value: str
    effect: str
    must: bool

    def __str__(self) -> str:
        return (
            f"{self.topic}: {self.setting} is {_shown(self.setting, self.found)}, expected "
            f"{_shown(self.setting, self.value)}: {self.effect}; "
            "`pathcast topics --mend` sets it"
        )


def _shown(setting: str, value: str) -> str:
    if not setting.endswith(".ms"):
        return value
    return f"{value} ({text_of(int(value))})" if 0 <= int(value) < _FOREVER else "without limit"


def settings_of(client: Any, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings READ of existing topics, by kafka-python's admin client; none of topics it may not see."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(READ)) for topic in topics]
    found = client.describe_configs(wanted, config_filter="all") if wanted else {}
    return {
        topic: {name: str(one["value"]) for name, one in values.items() if one["value"] is not None}
        for by_name in found.values()
        for topic, values in by_name.items()
    }


def differences(found: Mapping[str, Mapping[str, str]], names: TopicNames) -> list[Difference]:
    """Differences of the topics in `found` (settings by topic), in the order of the table.

    What a broker does not tell is not judged.
    """
    return [
        difference
        for role, topic in TOPICS.items()
        if {POLICY, RETENTION} <= (settings := found.get(getattr(names, role), {})).keys()
        for difference in _of(getattr(names, role), topic, settings)
    ]


def _of(name: str, topic: Topic, found: Mapping[str, str]) -> Iterator[Difference]:
    policy = {one.strip() for one in found[POLICY].split(",")}
    if wrong := _policy(topic, found, policy):
        expected = ",".join(topic.cleanup_policies or ["delete"])
        yield Difference(name, POLICY, found[POLICY], expected, *wrong)
    if topic.retention_ms is not None and "delete" in policy:
        yield from _retention(name, topic, topic.retention_ms, found)
    yield from _further(name, topic, found)


def _policy(topic: Topic, found: Mapping[str, str], policy: set[str]) -> tuple[str, bool] | None:
    """The effect of a wrong cleanup policy, and whether it must be mended; None for one that will do."""
    kept_for_ever = topic.compacted and topic.retention_ms is None
    expires = "delete" in policy and _ends(found)
    if topic.compacted and ("compact" not in policy or (kept_for_ever and expires)):
        age = f" after {text_of(int(found[RETENTION]))}" if expires else ""
        return f"the latest record of a key is deleted{age}, although nothing replaces it", kept_for_ever
    if not topic.compacted and "compact" in policy:
        one_by_one = not {WORKER, COMMANDS}.isdisjoint(topic.readers)
        return "of several records of a key only the latest is kept", one_by_one
    if topic.retention_ms is not None and "delete" not in policy:
        return _STAY, False
    return None


def _ends(found: Mapping[str, str]) -> bool:
    return 0 <= int(found[RETENTION]) < _FOREVER


def _retention(name: str, topic: Topic, expected: int, found: Mapping[str, str]) -> Iterator[Difference]:
    kept = int(found[RETENTION])
    if _ends(found) and kept < expected:
        effect = f"what is not read within {text_of(kept)} is lost"
        yield Difference(name, RETENTION, found[RETENTION], str(expected), effect, False)
    if not _ends(found) and topic.visitor_data in (VisitorData.EXPIRES, VisitorData.EXPIRES_OR_MARKED):
        yield Difference(name, RETENTION, found[RETENTION], str(expected), _STAY, False)
    if int(found.get(BYTES, "-1")) >= 0:
        effect = "many records in a short time push unread ones out"
        yield Difference(name, BYTES, found[BYTES], "-1", effect, False)


def _further(name: str, topic: Topic, found: Mapping[str, str]) -> Iterator[Difference]:
    for setting, text in topic.config.items():
        if setting not in found:
            continue
        value, expected = int(found[setting]), int(text)
        if setting == LARGEST and value < expected:
            effect = "a worker ends at a large input that it refuses"
            yield Difference(name, setting, found[setting], text, effect, True)
        if setting == LAG and value > expected:
            effect = "deleted records can be read for longer"
            yield Difference(name, setting, found[setting], text, effect, False)
        if setting == MARKS and value < expected:
            effect = "workers that were away do not see what was removed"
            yield Difference(name, setting, found[setting], text, effect, False)
