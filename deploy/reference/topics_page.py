"""docs/contract/topics.md, from the table of topics: how each is kept, and who writes and reads it."""

from deploy.reference.asyncapi import schema_name
from models.durations import DAY_MS
from streams.config.topic import Party, Topic
from streams.config.topics import TOPICS, TopicNames

_INTRODUCTION = """\
# Topics

`pathcast contract` writes this page from the table of topics (`streams/config/topics.py`), from which \
`pathcast topics` creates them. Names are the defaults; the setting that changes one stands beside it.

| topic | setting | key | value | partitions | kept | holds of a visitor |
|---|---|---|---|---|---|---|
"""
_RIGHTS = """
`kept`: *compacted* keeps the latest record of each key. [Privacy](../trainer/privacy.md) says \
which records an erasure deletes; `pathcast visitor forget` searches for the visitor in all topics.

## Differences

Topics that a broker or an administrator has made may differ. `pathcast topics` and a starting worker \
compare them and name each difference, its effect and the cure; `pathcast topics --mend` sets the settings.

| difference | consequence |
|---|---|
| topics by visitor with different numbers of partitions | refused: an answer goes to the partition of its \
click; `--mend` adds partitions |
| `clicks` with other partitions than the state | refused: `pathcast state grow` lists the ways on |
| a topic of one partition with several | refused: delete it and run `pathcast topics` |
| a compacted topic without the policy `compact`, or with an age besides | refused: the latest record of a \
key would be deleted |
| `compact` on a topic that workers or commands read record by record | refused: records would be missing |
| `clicks-dead-letter` with a smaller `max.message.bytes` | refused: a large input would end the worker |
| a shorter `retention.ms`, or a `retention.bytes` | warning: what is not read in time is lost, and counted \
(`pathcast_lost_clicks_total`) |
| no age where a visitor's data goes by age | warning: records of forgotten visitors stay |
| other limits of compaction | warning |
| `clicks` with one partition and no state yet | warning: one worker at most; `--mend --partitions 4` |

Longer retention than in the table is no difference. Without the right `DescribeConfigs` settings are not \
compared, and the worker says so.

## Rights

On a cluster with access control lists each party needs these rights on topics. `commands` are the commands \
of `pathcast` that people run; `visitor forget` also reads all topics. Topics in brackets exist only where \
answers are sealed.

| party | writes | reads |
|---|---|---|
"""
_WORKER = """
A worker also describes all topics and their settings; reads, writes and creates the changelog \
`<application id>-state-changelog`; uses the group `<application id>` and the transactional ids \
`<application id>-*`. Of the commands, `score-lapsing`, `state show` and `visitor forget` also read the \
changelog; `state rebase` writes it, as a worker does. \
A worker reads `__consumer_offsets` and needs `ClusterAction` only to end a transaction that \
[a killed broker forgot](../decisions.md).
"""


def page() -> str:
    """The whole page, with topics under their default names."""
    names = TopicNames.model_construct()
    topics = "".join(_row(getattr(names, role), role, topic) for role, topic in TOPICS.items())
    rights = "".join(_rights(party, names) for party in Party)
    return _INTRODUCTION + topics + _RIGHTS + rights + _WORKER


def _row(name: str, role: str, topic: Topic) -> str:
    schema = schema_name(topic)
    value = f"[{schema}]({schema}.schema.json)" if schema else "bytes"
    cells = (
        f"`{name}`",
        f"`PATHCAST_TOPIC_{role.upper()}`",
        topic.key,
        value,
        topic.partitions.value,
        _kept(topic),
        topic.visitor_data.value,
    )
    return f"| {' | '.join(cells)} |\n"


def _kept(topic: Topic) -> str:
    days = "" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
    return ", ".join(filter(None, ("compacted" * topic.compacted, days)))


def _rights(party: Party, names: TopicNames) -> str:
    written, read = (
        ", ".join(
            f"(`{getattr(names, role)}`)" if topic.only_sealed else f"`{getattr(names, role)}`"
            for role, topic in TOPICS.items()
            if party in (topic.writers, topic.readers)[side]
        )
        for side in (0, 1)
    )
    return f"| {party} | {written} | {read} |\n"
