"""Profiles that the shop gives of a person: the compacted topic `profiles`, decoded strictly.

A record replaces all earlier ones of its key; an empty value deletes the profile. An unreadable record is a
dead letter with a reason, since half a profile would pass for a whole one.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from models.contract.events import SCHEMA_VERSION, EpochMs, Id, Limits, Reason, Rejected, SchemaVersion, Text
from models.contract.pseudonyms import Pseudonyms
from models.contract.values import describe
from models.contract.wire_formats import PLAIN, InputRecord, WireFormat
from models.forms.missing import is_missing
from models.forms.templates import contains_template

_ADVICE = "see docs/contract/profile-update.schema.json"
#: Interests of one person at most.
INTERESTS = 16
Weight = Annotated[float, Meta(ge=0.0, le=1.0)]
Interests = Annotated[dict[Text, Weight], Meta(max_length=INTERESTS)]


class ProfileUpdate(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The shop's profile of a visitor or a user; it replaces that of an older record of the key."""

    visitor_id: Annotated[Id | None, Meta(description="The visitor; equals the record's key.")] = None
    user_id: Annotated[
        Text | None, Meta(description="The user, in place of `visitor_id`; equals the record's key.")
    ] = None
    ts: Annotated[
        EpochMs, Meta(description="When this was known, epoch milliseconds; the newest record counts.")
    ]
    age_band: Annotated[Text | None, Meta(description="Such as `25-34`, as clicks say it.")] = None
    gender: Annotated[Text | None, Meta(description="As clicks say it.")] = None
    region: Annotated[Text | None, Meta(description="Within the country, as clicks say it.")] = None
    interests: Annotated[
        Interests, Meta(description="Long-term interests: weight by category, as clicks name it.")
    ] = {}
    consent: Annotated[
        bool | None,
        Meta(description="`false`: nothing is kept but the time, so that no older record counts."),
    ] = None
    schema_version: Annotated[SchemaVersion, Meta(description="Version of this contract.")] = SCHEMA_VERSION


class Removal(NamedTuple):
    """An empty value: the profile of the key's visitor or user is deleted; ids as in the state."""

    visitor_id: str
    user_id: str


def _says_nothing(text: str | None) -> bool:
    return text is None or is_missing(text) or contains_template(text)


class ProfileDecoder:
    """Decodes records of `profiles`; with `pseudonyms` ids are replaced, and messages name none."""

    def __init__(
        self, limits: Limits, pseudonyms: Pseudonyms | None = None, wire: WireFormat = PLAIN
    ) -> None:
        self.limits, self.pseudonyms, self.wire = limits, pseudonyms, wire
        self._decode = msgspec.json.Decoder(ProfileUpdate).decode

    def decode(self, records: Sequence[InputRecord]) -> list[ProfileUpdate | Removal | Rejected]:
        """One entry per record, in order. Nothing here raises."""
        return [self._one(record) for record in self.wire.bare(records)]

    def _one(self, record: InputRecord) -> ProfileUpdate | Removal | Rejected:
        value, key = record.value, record.key
        if not key:
            return Rejected(
                Reason.MISSING_KEY,
                f"key is {describe(key)}, expected the visitor_id or user_id; send it as the record's key",
            )
        if not value:
            return self._removal(key)
        if len(value) > self.limits.max_event_bytes:
            return Rejected(
                Reason.TOO_LARGE,
                f"the value has {len(value)} bytes, expected at most {self.limits.max_event_bytes}; "
                f"{_ADVICE}",
            )
        update = self._read(value)
        if isinstance(update, Rejected):
            return update
        return self._refusal(update, record) or self._hidden(update)

    def _read(self, value: bytes) -> ProfileUpdate | Rejected:
        try:
            return self._decode(value)
        except msgspec.ValidationError as error:
            return self._invalid(value, str(error))
        except (ValueError, RecursionError) as error:
            return Rejected(
                Reason.MALFORMED, f"not JSON ({str(error)[:80]}); expected one JSON object in UTF-8"
            )

    def _invalid(self, value: bytes, found: str) -> Rejected:
        # msgspec's messages name types and bounds, never values; but an unknown field could be anything.
        if self.pseudonyms is not None and "unknown field" in found:
            found = "Object contains an unknown field"
        reason = Reason.UNKNOWN_SCHEMA if "$.schema_version" in found else Reason.INVALID
        return Rejected(reason, f"{found}; {_ADVICE}")

    def _refusal(self, update: ProfileUpdate, record: InputRecord) -> Rejected | None:
        ids = [name for name in (update.visitor_id, update.user_id) if name is not None]
        if len(ids) != 1:
            return Rejected(
                Reason.INVALID, f"{len(ids)} of visitor_id and user_id, expected one of the two; {_ADVICE}"
            )
        if _says_nothing(ids[0]):
            seen = "no id" if self.pseudonyms else describe(ids[0])
            return Rejected(
                Reason.INVALID,
                f"visitor_id or user_id is {seen}, expected the id of one person; {_ADVICE}",
            )
        if ids[0].encode("utf-8", "surrogatepass") != record.key:
            found = "another" if self.pseudonyms else f"{describe(record.key)}, not {describe(ids[0])}"
            return Rejected(
                Reason.KEY_MISMATCH, f"key is {found}; send visitor_id or user_id as the record's key"
            )
        ahead = update.ts - record.timestamp
        if self.limits.check_skew and record.timestamp >= 0 and ahead > self.limits.skew_future_ms:
            return Rejected(
                Reason.SKEWED,
                f"ts is {update.ts}, {ahead / 1000:+.0f} s from the record's {record.timestamp}; set the "
                "producer's clock",
            )
        return None

    def _hidden(self, update: ProfileUpdate) -> ProfileUpdate:
        """Words for "missing" and templates become None; ids become pseudonyms."""
        for field in ("age_band", "gender", "region"):
            if _says_nothing(getattr(update, field)):
                setattr(update, field, None)
        update.interests = {
            name: weight for name, weight in update.interests.items() if not _says_nothing(name)
        }
        if self.pseudonyms is None:
            return update
        if update.visitor_id is not None:
            update.visitor_id = self.pseudonyms.visitor(update.visitor_id.encode())
        if update.user_id is not None:
            update.user_id = self.pseudonyms.user(update.user_id.encode())
        return update

    def _removal(self, key: bytes) -> Removal | Rejected:
        if self.pseudonyms is not None:
            return Removal(self.pseudonyms.visitor(key), self.pseudonyms.user(key))
        try:
            name = key.decode()
        except UnicodeDecodeError:
            return Rejected(
                Reason.INVALID, f"key is {describe(key)}, expected an id in UTF-8; send no such key"
            )
        return Removal(name, name)
