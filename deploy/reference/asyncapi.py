"""One AsyncAPI 3.0 document of all topics: who writes them, their keys, values and headers."""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from models.contract.decoder import ORIGINAL_TIME
from models.contract.events import Reason
from models.privacy.erasure import FORGET, FORGET_USER, SEALED_ID
from streams.config.topics import TopicNames
from streams.pipeline.dead_letter import REPLAY_ATTEMPT, REPLAYED_FROM

_BINDING = "0.5.0"
_PLAIN_KEY = re.compile(r"[A-Za-z$][\w$-]*")
_VISITOR = "visitor_id, UTF-8"


class Channel(NamedTuple):
    """A topic by its name in TopicNames; `schema` is its value's file, `action` what the worker does."""

    name: str
    schema: str | None
    action: str
    key: str
    summary: str
    headers: Mapping[str, str] = MappingProxyType({})


_REPLAY_HEADERS = {
    REPLAYED_FROM: "Optional, of an input that was replayed: its first dead letter, topic/partition/offset.",
    REPLAY_ATTEMPT: "Beside it: which replay this is, from 1, decimal.",
}
_DEAD_LETTER_HEADERS = {
    "reason": f"Why it was refused: {', '.join(Reason)}.",
    "message": "What was found, what was expected, and what to do.",
    "source-topic": "The topic it came from.",
    "source-partition": "Its partition there, decimal.",
    "source-offset": "Its offset there, decimal.",
    "source-timestamp": "Its Kafka timestamp there, epoch milliseconds, decimal.",
    "cut": "`yes` where the input was too large to be kept: then only its beginning is here. Else `no`.",
    **_REPLAY_HEADERS,
}
_CLICK_HEADERS = {
    ORIGINAL_TIME: "Optional, from a replay: event time, epoch milliseconds, decimal.",
    **_REPLAY_HEADERS,
    FORGET: "With an empty value: forget the visitor of the key; names the request.",
    SEALED_ID: "Of such a request where pseudonyms are made: the key is one, and this is the id, sealed.",
    FORGET_USER: "With an empty value, on every partition: forget the user of the key and all visitors that "
    "are linked to them; names the request.",
}
CHANNELS = (
    Channel(
        "clicks", "click", "receive", _VISITOR, "What visitors do, decisions' outcomes too.", _CLICK_HEADERS
    ),
    Channel("purchase_intent", "purchase-intent", "send", _VISITOR, "Purchase probability, per click."),
    Channel("recommendations", "recommendations", "send", _VISITOR, "The likely next items, per click."),
    Channel("ad_decisions", "ad-decision", "send", _VISITOR, "The action chosen, per click."),
    Channel(
        "dead_letters", None, "send", "As it came", "Refused inputs, bytes unchanged.", _DEAD_LETTER_HEADERS
    ),
    Channel("lapsing_visitors", "lapsing-visitor", "send", _VISITOR, "Visitors about to be lost, per sweep."),
    Channel("erasures", "erasure", "send", "Request, UTF-8", "Receipts of visitors forgotten."),
    Channel("visitor_keys", None, "send", _VISITOR, "Wrapped keys of sealed answers, where they are sealed."),
    Channel("identities", None, "send", "user_id or visitor_id, UTF-8", "Between workers: a user's devices."),
    Channel(
        "profiles",
        "profile-update",
        "receive",
        "visitor_id or user_id, UTF-8",
        "What the shop knows of a visitor or user; an empty value removes it.",
    ),
    Channel("items", "item", "receive", "item_id, UTF-8", "The catalogue; an empty value removes the item."),
    Channel("model_updates", "model-update", "receive", "Placement, UTF-8", "Models as they are promoted."),
    Channel("model_reports", "model-report", "send", "Worker and kind, UTF-8", "Workers about versions."),
    Channel(
        "state_copies", "state-copy", "send", "Worker and partition, UTF-8", "Where state lies as files."
    ),
)


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
        "channels": {channel.name: _channel(channel, names) for channel in CHANNELS},
        "operations": {
            f"{channel.action}_{channel.name}": {
                "action": channel.action,
                "channel": {"$ref": f"#/channels/{channel.name}"},
                "summary": channel.summary,
            }
            for channel in CHANNELS
        },
        "components": {"messages": {channel.name: _message(channel) for channel in CHANNELS}},
    }
    return "\n".join(_yaml(made, 0)) + "\n"


def _channel(channel: Channel, names: TopicNames) -> dict[str, Any]:
    binding: dict[str, Any] = {"bindingVersion": _BINDING}
    topic = getattr(names, channel.name)
    if topic in names.broadcast:
        binding |= {"partitions": 1, "topicConfiguration": {"cleanup.policy": ["compact"]}}
    elif topic == names.profiles:
        binding |= {"topicConfiguration": {"cleanup.policy": ["compact"]}}
    return {
        "address": topic,
        "description": channel.summary,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
        "bindings": {"kafka": binding},
    }


def _message(channel: Channel) -> dict[str, Any]:
    described: dict[str, Any] = {"name": channel.name, "summary": channel.summary}
    if channel.headers:
        properties = {name: {"type": "string", "description": text} for name, text in channel.headers.items()}
        described["headers"] = {"type": "object", "properties": properties}
    if channel.schema is None:
        described |= {"contentType": "application/octet-stream", "payload": {}}
    else:
        described["payload"] = {"$ref": f"./{channel.schema}.schema.json"}
    key = {"type": "string", "description": channel.key}
    return described | {"bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}}}


def _yaml(value: Any, depth: int) -> Iterator[str]:
    """Block YAML of nested objects; scalars and arrays are written as JSON, which YAML reads."""
    for name, entry in value.items():
        key = "  " * depth + (name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)) + ":"
        if isinstance(entry, dict) and entry:
            yield key
            yield from _yaml(entry, depth + 1)
        else:
            yield f"{key} {json.dumps(entry, ensure_ascii=False)}"
