"""One AsyncAPI 3.0 document of all topics, from the table of topics: operations, keys, values and headers."""

from typing import Any

import yaml

from streams.config.topic import Partitions, Party, Topic
from streams.config.topics import TOPICS, TopicNames

_BINDING = "0.5.0"


def document() -> str:
    """The document as YAML; topics under their default names."""
    # Not TopicNames(): that would read this machine's environment.
    names = TopicNames.model_construct()
    made = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pathcast",
            "version": "1.0.0",
            "description": "Three answers for each click. Topic names are settings; these are the defaults.",
        },
        "defaultContentType": "application/json",
        "channels": {role: _channel(role, topic, getattr(names, role)) for role, topic in TOPICS.items()},
        "operations": {f"{_action(topic)}_{role}": _operation(role, topic) for role, topic in TOPICS.items()},
        "components": {"messages": {role: _message(role, topic) for role, topic in TOPICS.items()}},
    }
    text: str = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=1000)
    return text


def schema_name(topic: Topic) -> str | None:
    """The name of the schema of a topic's values: the struct's, in lower case with dashes."""
    if topic.schema is None:
        return None
    name = topic.schema.__name__
    return "".join(f"-{one.lower()}" if one.isupper() else one for one in name).removeprefix("-")


def _action(topic: Topic) -> str:
    """What workers do: they receive what they only read, and send the rest."""
    return "receive" if Party.WORKER in topic.readers and Party.WORKER not in topic.writers else "send"


def _operation(role: str, topic: Topic) -> dict[str, Any]:
    return {"action": _action(topic), "channel": {"$ref": f"#/channels/{role}"}, "summary": topic.summary}


def _channel(role: str, topic: Topic, address: str) -> dict[str, Any]:
    binding: dict[str, Any] = {"bindingVersion": _BINDING}
    if topic.partitions is Partitions.ONE:
        binding |= {"partitions": 1}
    if topic.compacted:
        binding |= {"topicConfiguration": {"cleanup.policy": topic.cleanup_policies}}
    return {
        "address": address,
        "description": topic.summary,
        "messages": {role: {"$ref": f"#/components/messages/{role}"}},
        "bindings": {"kafka": binding},
    }


def _message(role: str, topic: Topic) -> dict[str, Any]:
    described: dict[str, Any] = {"name": role, "summary": topic.summary}
    if topic.headers:
        properties = {name: {"type": "string", "description": text} for name, text in topic.headers.items()}
        described["headers"] = {"type": "object", "properties": properties}
    if topic.schema is None:
        described |= {"contentType": "application/octet-stream", "payload": {}}
    else:
        described["payload"] = {"$ref": f"./{schema_name(topic)}.schema.json"}
    key = {"type": "string", "description": topic.key}
    return described | {"bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}}}
