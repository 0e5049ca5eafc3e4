"""What moved the purchase probability after each of a visitor's clicks, computed again from the clicks.

Workers explain the latest click, and clicks that ask for it. For others the path up to the click is run as
`/v1/predict` runs it, one click explained at a time, so that predictions of others wait for little.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.events.click_records import ClickReader, ClickRecord
from gateway.events.event_bodies import RawEvent
from gateway.predictions.predictor import PredictionsBusy, Predictor
from models.errors import PathcastError
from models.forms.table import recognise

#: Clicks that are explained, the newest; clicks of a path before each.
MOST_EXPLAINED, PATH_CLICKS = 20, 50
#: Seconds for all of them; what was explained until then counts.
MOST_SECONDS: Final = 3.0


class _Sentence(msgspec.Struct):
    text: str


class _Explained(msgspec.Struct):
    explanation: _Sentence | None = None


_decode = msgspec.json.Decoder(_Explained).decode


class PathReasons:
    """`reader` reads events of any age, with fields that it does not know."""

    def __init__(self, predictor: Predictor, reader: ClickReader) -> None:
        self._predictor, self._reader = predictor, reader

    async def of(self, clicks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Sentences by event id, for the newest of a visitor's clicks, which are the oldest first."""
        records = [one for one in (self._record(click) for click in clicks) if one is not None]
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(MOST_SECONDS):
                for at in reversed(range(max(0, len(records) - MOST_EXPLAINED), len(records))):
                    path = records[max(0, at - PATH_CLICKS) : at + 1]
                    if told := await self._text([*path[:-1], _asked(path[-1])]):
                        found[path[-1].event_id] = told
        except (TimeoutError, PredictionsBusy, PathcastError):
            pass  # a page shows the reasons that there are
        return found

    async def _text(self, path: Sequence[ClickRecord]) -> str:
        told = await self._predictor.predict(path)
        explained = _decode(told.answers.purchase_intent) if told.answers else _Explained()
        return explained.explanation.text if explained.explanation else ""

    def _record(self, click: Mapping[str, Any]) -> ClickRecord | None:
        """The record of a click as it stands on the topic; None where it does not fit."""
        raw = {name: value for name, value in click.items() if name != "written_at"}
        read = self._reader.record(RawEvent(raw, recognise(raw), ""), int(time.time() * 1000))
        return read if isinstance(read, ClickRecord) else None


def _asked(record: ClickRecord) -> ClickRecord:
    """The click with the wish to be explained; it is JSON of an object."""
    return record._replace(value=record.value[:-1] + b',"explain":true}')
