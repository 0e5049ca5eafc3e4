"""Divide a body into events: one event, an array of them, or another system's body of several."""

from typing import Any, NamedTuple

from gateway.http.problems import HttpProblem
from models.forms.form import Form, Raw
from models.forms.table import recognise


class RawEvent(NamedTuple):
    """One event as sent, its form, and where it stands in the body."""

    raw: Raw
    form: Form
    at: str


def events_of(body: Any, most: int, fixed: Form | None = None) -> list[RawEvent]:
    """The events of a parsed body; `fixed` is the form of all. Raises HttpProblem (413, 422)."""
    entries = body if isinstance(body, list) else [body]
    if len(entries) > most:
        raise _too_many(len(entries), most)
    found = list[RawEvent]()
    for number, entry in enumerate(entries):
        at = f"events[{number}]"
        if not isinstance(entry, dict):
            told = "found no object, expected an event: an object with its fields"
            raise HttpProblem(422, "invalid", f"{at}: {told}", [{"at": at, "field": "", "message": told}])
        found += _parts(entry, at, fixed)
        if len(found) > most:
            raise _too_many(len(found), most)
    if not found:
        raise HttpProblem(422, "empty", "the body holds no event, expected at least one")
    return found


def _parts(raw: Raw, at: str, fixed: Form | None) -> list[RawEvent]:
    form = fixed or recognise(raw)
    entries = raw.get(form.batch) if form.batch else None
    if isinstance(entries, list):
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                place = f"{at}.{form.batch}[{number}]"
                told = f"found no object, expected an event of {form.title}"
                raise HttpProblem(
                    422, "invalid", f"{place}: {told}", [{"at": place, "field": form.batch, "message": told}]
                )
    parts = form.events_in(raw)
    if parts == [raw]:
        return [RawEvent(raw, form, at)]
    return [RawEvent(part, form, f"{at}.{form.batch}[{number}]") for number, part in enumerate(parts)]


def _too_many(count: int, most: int) -> HttpProblem:
    told = f"the body holds {count} events or more, expected at most {most}: send several requests"
    return HttpProblem(413, "too_many", told)
