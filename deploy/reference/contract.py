"""The documents of the contract, from the table of topics and the structs that the worker itself uses."""

import json
from pathlib import Path
from typing import Any

import msgspec

from deploy.reference.asyncapi import document, schema_name
from deploy.reference.topics_page import page
from deploy.reference.written_files import CONTRACT_DIRECTORY
from streams.config.topics import TOPICS

DIRECTORY = CONTRACT_DIRECTORY
DIALECT = "https://json-schema.org/draft/2020-12/schema"
STRUCTS: dict[str, type[msgspec.Struct]] = {
    str(schema_name(topic)): topic.schema for topic in TOPICS.values() if topic.schema is not None
}


def files() -> dict[str, str]:
    """The text of every document by file name."""
    made = {f"{name}.schema.json": _json(schema(struct, name)) for name, struct in STRUCTS.items()}
    return made | {"asyncapi.yaml": document(), "topics.md": page()}


def stale(directory: Path) -> list[str]:
    """File names under `directory` that are missing or differ from what would be written."""
    return [name for name, text in files().items() if _read(directory / name) != text]


def write(directory: Path) -> list[str]:
    """Write what is stale and return its file names."""
    directory.mkdir(parents=True, exist_ok=True)
    names = stale(directory)
    for name in names:
        (directory / name).write_text(files()[name], encoding="utf-8")
    return names


def schema(struct: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of a struct as it is on the wire."""
    made = msgspec.json.schema(struct)
    definitions = made["$defs"]
    for definition in definitions.values():
        _tidy(definition)
    top = definitions.pop(struct.__name__)
    described: dict[str, Any] = {"$schema": DIALECT, "$id": f"{name}.schema.json", **top}
    return described | ({"$defs": definitions} if definitions else {})


def _tidy(definition: dict[str, Any]) -> None:
    """Remove line breaks, and what concerns only the decoder: its flags and its strictness."""
    if "description" in definition:
        definition["description"] = " ".join(definition["description"].split())
    definition.get("properties", {}).pop("flags", None)
    definition.pop("additionalProperties", None)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
