"""Stages decode and read: records become clicks, and their visitors are read from the state."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.contract.decoder import Decoder
from models.contract.events import UNBOUNDED, AmountBounds, Click, Rejected
from models.contract.profile_updates import ProfileDecoder
from models.contract.pseudonyms import Pseudonyms
from models.privacy.erasure import Erasure, request_of
from streams.config.processing_config import ProcessingConfig
from streams.partition_state import visitors
from streams.pipeline import hidden_states
from streams.pipeline.chunk import ASIDE, CONSENTING, WAITING, Chunk
from streams.privacy.erasing import StateNames
from streams.transport.routing import home

#: By record of a chunk: the click, or the reason of its refusal.
Clicks = Sequence[Click | Rejected]


def decode(chunk: Chunk, decoder: Decoder, profiles: ProfileDecoder) -> Clicks:
    """Decode clicks and the side inputs' records; unreadable ones are refused."""
    clicks = decoder.decode(chunk.work.records, _bounds(chunk))
    chunk.identities.decode(profiles, chunk.refuse)
    return clicks


def _bounds(chunk: Chunk) -> AmountBounds:
    """The bounds of amounts that the version in use has learned; before one serves there are none."""
    return UNBOUNDED if chunk.version is None else chunk.version.amount_bounds


def read(chunk: Chunk, clicks: Clicks, pseudonymiser: Pseudonyms | None, config: ProcessingConfig) -> None:
    """Read the visitors, apply the side inputs, and give each visitor with a click a slot in a batch."""
    own = pseudonymiser is None and config.settings.wire_format().plain
    chunk.keys = _keys(chunk.work.records, clicks, own)
    first = _first_clicks(chunk, clicks, pseudonymiser)
    _read_entries(chunk, first, pseudonymiser)
    outdated = hidden_states.outdated(chunk.entries, first, chunk.version, config.session.gap_ms)
    chunk.waiting = hidden_states.over_budget(outdated, chunk.budget)
    chunk.rebuilt = len(outdated) - len(chunk.waiting)
    for entry in (chunk.entries[key] for key in first):
        entry.batch = WAITING if entry.key in chunk.waiting else CONSENTING
        entry.slot = chunk.batchers[entry.batch].visitor(entry.visitor)
    chunk.misrouted = _misrouted(chunk, clicks, config.partitions)


def _keys(records: Sequence[Any], clicks: Clicks, own: bool) -> list[bytes]:
    """By record its visitor's key: its `own`, or the id as decoded; unspecified for refused records."""
    if own:
        return [record.key for record in records]
    return [click.visitor_id.encode() if type(click) is Click else b"" for click in clicks]


def _first_clicks(chunk: Chunk, clicks: Clicks, pseudonymiser: Pseudonyms | None) -> dict[bytes, Click]:
    """Each visitor's first click by state key; also collects the visitors that erasure requests name."""
    first: dict[bytes, Click] = {}
    for record, click, key in zip(chunk.work.records, clicks, chunk.keys, strict=True):
        if type(click) is Click:
            first.setdefault(visitors.key_of(key), click)
        elif record.value is None:
            chunk.identities.expect(record)
            if request_of(record) is not None:
                chunk.named.update(StateNames.of(record, pseudonymiser).keys)
    return first


def _read_entries(chunk: Chunk, first: Mapping[bytes, Click], pseudonymiser: Pseudonyms | None) -> None:
    """Read the chunk's visitors and apply the side inputs to them, before the clicks."""
    identities = chunk.identities
    further = [*chunk.named, *identities.wanted()]
    wanted = first if not further else dict.fromkeys([*first, *further])
    chunk.entries = visitors.read(chunk.work.state, wanted, chunk.cache.recent)
    for key in further:
        chunk.entries[key].batch = ASIDE
    identities.read(chunk.entries)
    identities.apply(chunk.entries)
    made = receipts(chunk.work.partition, pseudonymiser)
    chunk.erasures += [made(request, True, answer=True) for request in identities.dropped]


def _misrouted(chunk: Chunk, clicks: Clicks, partitions: int) -> int:
    own = chunk.work.partition
    pairs = zip(chunk.work.records, clicks, strict=True)
    return sum(type(click) is Click and home(record.key, partitions) != own for record, click in pairs)


def receipts(partition: int, pseudonymiser: Pseudonyms | None) -> Callable[..., Erasure]:
    """A function that makes an erasure's receipt with the current time: `made(request, found, **further)`."""
    fingerprint = pseudonymiser.fingerprint if pseudonymiser else ""

    def made(request: str, found: bool, **said: Any) -> Erasure:
        now = int(time.time() * 1000)
        return Erasure(
            request=request, partition=partition, found=found, at=now, pseudonyms=fingerprint, **said
        )

    return made
