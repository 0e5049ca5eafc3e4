"""Collect the fields of an event of some form under the contract's names, values as they were sent."""

from typing import Any, NamedTuple

from models.forms import lines
from models.forms.event_paths import at, plain
from models.forms.form import Form, Raw
from models.forms.missing import is_missing
from models.forms.names import Finder

#: Objects of an open form whose fields count as the event's own; an outer field takes precedence.
CONTAINERS = frozenset({"params", "ecommerce", "items"})
_LONGEST_NAME = 40
_MOST_LAYERS = 100


class Gathered(NamedTuple):
    """Fields of an event as sent, the place of each, and all names that the event may have, best first."""

    fields: dict[str, Any]
    sources: dict[str, str]
    events: list[Any]


def gather(raw: Raw, form: Form, find: Finder) -> Gathered:
    """The fields that `find` knows; missing values are left out."""
    raw = form.prepare(raw)
    fields: dict[str, Any] = {}
    sources: dict[str, str] = {}
    found: list[tuple[str, Any]] = []
    if form.open:
        _open(raw, find, fields, sources, found)
    else:
        _own_names(raw, form, find, fields, sources)
    events = [fields["event"]] if "event" in fields else []
    events += _placed(raw, form, fields, sources)
    for steps in form.containers:
        _layer(at(raw, steps), ".".join(steps), find, fields, sources)
    _items(raw, form, fields, sources, found)
    return Gathered(fields, sources, events)


def _own_names(raw: Raw, form: Form, find: Finder, fields: dict[str, Any], sources: dict[str, str]) -> None:
    """The contract's own names at the top, unless they mean something else in this form."""
    for name, value in raw.items():
        plain = not isinstance(value, dict | list) and not is_missing(value)
        if plain and name not in form.reserved and len(name) <= _LONGEST_NAME and find(name) == name:
            fields[name], sources[name] = value, name


def _placed(raw: Raw, form: Form, fields: dict[str, Any], sources: dict[str, str]) -> list[Any]:
    """Fill in what stands at the form's places; also all the event's names."""
    events = []
    for field, places in form.places.items():
        for steps in places:
            value = _single(field, at(raw, steps))
            if is_missing(value):
                continue
            if field not in fields:
                fields[field], sources[field] = value, ".".join(steps)
            if field != "event":
                break
            events.append(value)
    return events


def _single(field: str, value: Any) -> Any:
    """Of an array the words of a search, else the first value; a text may hold an array of categories."""
    value = plain(value) if field == "category" else value
    if not isinstance(value, list):
        return value
    if field == "query":
        return " ".join(word for word in value if isinstance(word, str))
    return value[0] if value else None


def _open(
    raw: Raw, find: Finder, fields: dict[str, Any], sources: dict[str, str], found: list[tuple[str, Any]]
) -> None:
    """The fields of the whole event, outer ones first; its arrays of items go into `found`."""
    layers: list[tuple[str, Any]] = [("", raw)]
    for prefix, layer in layers:
        for place, field, value in _layer(layer, prefix, find, fields, sources):
            if field == "items":
                found.append((place, value))
            elif len(layers) < _MOST_LAYERS:
                layers.append((place, value[0] if isinstance(value, list) and value else value))


def _layer(
    layer: Any, prefix: str, find: Finder, fields: dict[str, Any], sources: dict[str, str]
) -> list[tuple[str, str, Any]]:
    """Add the fields of one object that no outer one has; a field's own name wins over another beside it.

    Returns the containers in it, each with its place and name.
    """
    own: dict[str, str] = {}
    inner = []
    for name, value in layer.items() if isinstance(layer, dict) else ():
        field = find(name) if len(name) <= _LONGEST_NAME else None
        if field is None or field in fields or is_missing(value):
            continue
        if field in CONTAINERS:
            if isinstance(held := plain(value), dict | list):
                inner.append((f"{prefix}.{name}" if prefix else name, field, held))
        elif name == field or (field not in own and not (prefix and _is_others(name, field))):
            own[field] = name
    for field, name in own.items():
        fields[field], sources[field] = layer[name], f"{prefix}.{name}" if prefix else name
    return inner


def _is_others(name: str, field: str) -> bool:
    """Whether a nested name is that of something else: there an `id` is none of the event."""
    return field == "event_id" and "event" not in name.lower()


def _items(
    raw: Raw, form: Form, fields: dict[str, Any], sources: dict[str, str], found: list[tuple[str, Any]]
) -> None:
    """Fill in the fields of the event's items."""
    entries, place = lines.entries_at(raw, form.lines)
    if not entries:
        place, value = found[0] if found else ("", [])
        entries = value if isinstance(value, list) else [value]
    if not entries:
        return
    read = [lines.line(entry, form) for entry in entries]
    merged = lines.with_lines(fields, read)
    for field in merged.keys() - fields.keys():
        sources[field] = f"{place}[].{lines.FURTHER.get(field, field)}"
    fields |= merged
