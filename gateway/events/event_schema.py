"""The body of `POST /v1/events` for OpenAPI: the contract's event, or one of another system."""

from typing import Any

import msgspec

from models.contract.events import Click

#: Filled in where they are missing.
_GIVEN = ("event_id", "ts")
_FOREIGN = {
    "type": "object",
    "title": "Another system's event",
    "description": "GA4 Measurement Protocol, Segment, RudderStack, Snowplow: docs/contract/forms.md.",
}


def _own() -> dict[str, Any]:
    """The schema of a click without references, with what the gateway fills in left optional."""
    _, components = msgspec.json.schema_components([Click], ref_template="#/{name}")
    schema: dict[str, Any] = dict(components["Click"])
    schema["properties"] = {name: one for name, one in schema["properties"].items() if name != "flags"}
    schema["required"] = [name for name in schema["required"] if name not in _GIVEN]
    return schema | {"title": "An event"}


_EVENT = {"anyOf": [_own(), _FOREIGN]}
_EXAMPLE = {"visitor_id": "anna", "event": "view_item", "item_id": "tea-03"}
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_EVENT, {"type": "array", "minItems": 1, "items": _EVENT}]},
            "examples": {"one": {"value": _EXAMPLE}, "batch": {"value": [_EXAMPLE]}},
        }
    },
}
