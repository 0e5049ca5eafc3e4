"""What a letter says of the input that it holds."""

from types import SimpleNamespace

import pytest

from deploy.dead_letters import parse
from models.events import Reason
from streams.letters import letter


def posted(key, value):
    """A refused input's letter as it is read back."""
    record = SimpleNamespace(key=key, value=value, offset=7, timestamp=5, headers=[("trace", b"\xff")])
    key, value, headers = letter(record, "clicks", 3, Reason.MALFORMED, "why")
    return SimpleNamespace(partition=0, offset=1, timestamp=6, key=key, value=value, headers=headers)


@pytest.mark.parametrize("value", [b"{", b"", None])
def test_the_original_comes_back_unchanged(value):
    found = parse(posted(b"v1", value))
    assert (found.key, found.value, found.headers) == (b"v1", value, [("trace", b"\xff")])
    assert (found.source_topic, found.source_partition, found.source_offset) == ("clicks", 3, 7)
    assert (found.reason, found.message, found.source_timestamp) == ("malformed", "why", 5)


def test_what_others_wrote_is_not_a_letter():
    assert parse(SimpleNamespace(headers=[("reason", b"because")])) is None
