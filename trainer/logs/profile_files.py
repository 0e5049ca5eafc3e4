"""Records of the topic `profiles` for training, as a file of JSON lines."""

from pathlib import Path

import msgspec

from models.contract.events import Limits, Rejected
from models.contract.profile_updates import ProfileDecoder, ProfileUpdate, Removal
from trainer.logs.log_replay import LogRecord
from trainer.tables.log_error import LogError
from trainer.tables.unpacking import unpacked


class _Ids(msgspec.Struct):
    visitor_id: str | None = None
    user_id: str | None = None


def read_profiles(path: Path | None) -> list[ProfileUpdate]:
    """One update in each line, as on the topic; none without a file. Raises LogError with the line."""
    if path is None:
        return []
    decoder, found = ProfileDecoder(Limits(check_skew=False)), []
    try:
        with unpacked(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found.append(_read(decoder, line, f"line {number:,} of {path.name}"))
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error}): check that it is what its name says") from error
    return found


def _read(decoder: ProfileDecoder, line: bytes, place: str) -> ProfileUpdate:
    (read,) = decoder.decode([LogRecord(_key(line), line, -1)])
    if isinstance(read, Rejected | Removal):
        told = read.message if isinstance(read, Rejected) else "it takes something back"
        raise LogError(f"{place}: {told}; mend the line, or leave it out")
    return read


def _key(line: bytes) -> bytes:
    """The id for the record's key; any text if the line has none, which the decoder then reports."""
    try:
        ids = msgspec.json.decode(line, type=_Ids)
    except (ValueError, RecursionError):
        return b"?"
    return (ids.visitor_id or ids.user_id or "?").encode("utf-8", "surrogatepass")
