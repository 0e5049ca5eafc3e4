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

## Rights

On a cluster with access control lists each party needs these rights on topics. `commands` are the commands \
of `pathcast` that people run; `visitor forget` also reads all topics. Topics in brackets exist only where \
answers are sealed.

| party | writes | reads |
|---|---|---|
"""
_WORKER = """
A worker also describes all topics; reads, writes and creates the changelog \
`<application id>-state-changelog`; uses the group `<application id>` and the transactional ids \
`<application id>-*`. Of the commands, `score-lapsing`, `state show` and `visitor forget` also read the \
changelog; `state rebase` writes it, with the transactional id of each partition. \
A worker needs `ClusterAction` only to end a transaction that \
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
