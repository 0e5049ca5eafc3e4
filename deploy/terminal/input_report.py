"""What `pathcast input check` prints."""

from collections.abc import Iterator
from shlex import quote

from deploy.terminal.time_option import utc_text
from trainer.input_check import usability
from trainer.input_check.findings import Findings, Measures, Refusal
from trainer.input_check.mapping_file import guess

_REFUSALS, _NAMES = 10, 20


def lines(found: Findings, most: float) -> Iterator[str]:
    """The report, line by line; `most` is the largest share of rows that may be unusable."""
    measures = found.measures
    lost = f"{found.unusable:,} of them cannot be used"
    if found.passive:
        lost += f", {sum(found.passive.values()):,} are left out"
    yield f"{found.source}: {found.rows:,} rows, {lost}; form: {found.form}"
    yield from (f"  {one}" for one in found.detected)
    yield from _fields(found)
    yield from _events(found)
    yield from _refused(found)
    if measures.clicks:
        yield from _people(measures, found)
    yield from _said("odd", [*usability.doubts(found), *([found.skew] if found.skew else [])])
    yield from _training(measures)
    objections = usability.objections(found, most)
    yield from _said("cannot be used", objections)
    if not objections:
        yield _conclusion(measures)


def _fields(found: Findings) -> Iterator[str]:
    filled, clicks = found.measures.filled, max(1, found.measures.clicks)
    filled = {name: count for name, count in filled.items() if name != "schema_version"}
    names = [name for name in (*filled, *found.sources) if filled.get(name) or found.sources.get(name)]
    if names:
        yield "fields"
    for name in dict.fromkeys(names):
        places = ", ".join(found.sources.get(name, ()))
        place = f"from {places}" if places else "made here"
        yield f"  {name:<20} {filled.get(name, 0) / clicks:>7.1%}  {place}"


def _events(found: Findings) -> Iterator[str]:
    if found.measures.events or found.unknown or found.passive:
        yield "events"
    yield from (f"  {name:<20} {count:>10,}" for name, count in found.measures.events.items())
    for name, count in list(found.unknown.items())[:_NAMES]:
        pair = quote(f"{name}={guess(name) or 'EVENT'}")
        yield f"  {name:<20} {count:>10,}  not known: --event-map {pair}"
    for name, count in list(found.passive.items())[:_NAMES]:
        yield f"  {name:<20} {count:>10,}  left out: it says nothing of shopping"


def _refused(found: Findings) -> Iterator[str]:
    if found.refusals:
        yield "refused, or read without a field"
    yield from (f"  {_refusal(one)}" for one in found.refusals[:_REFUSALS])
    if len(found.refusals) > _REFUSALS:
        yield f"  and {len(found.refusals) - _REFUSALS} kinds more"


def _refusal(one: Refusal) -> str:
    lost = "" if one.unusable else " (only this field is lost)"
    value = f" {one.value}" if one.value else ""
    return f"{one.field or 'row'} {one.reason}: {one.rows:,}{lost}, first{value} in {one.where}; {one.cure}"


def _people(measures: Measures, found: Findings) -> Iterator[str]:
    yield "what it holds"
    if measures.first is not None and measures.last is not None:
        yield f"  {utc_text(measures.first)} to {utc_text(measures.last)}, {measures.days:,.1f} days"
    each = measures.sessions / max(1, measures.visitors)
    yield (
        f"  {measures.visitors:,} visitors, {measures.sessions:,} sessions ({each:.1f} each, "
        f"{measures.buying_sessions:,} with a purchase), {measures.users:,} users"
    )
    known = "" if found.known_items is None else f", {found.known_items:,} of them in the catalogue"
    yield f"  {measures.items:,} items{known}"


def _training(measures: Measures) -> Iterator[str]:
    yield "for training"
    yield from (f"  {need.told(value)}" for need, value in usability.needs(measures))


def _said(title: str, sentences: list[str]) -> Iterator[str]:
    if sentences:
        yield title
    yield from (f"  {one}" for one in sentences)


def _conclusion(measures: Measures) -> str:
    if usability.trains(measures):
        return "It can be used, and will do for training."
    return "It can be used for answers; for training it is too little."
