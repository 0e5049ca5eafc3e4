"""What a letter says of the input that it holds."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.commands import dead_letters
from deploy.dead_letters import parse
from models.events import Reason
from models.pseudonyms import Pseudonyms
from streams.letters import MOST_BYTES, letter


def posted(key, value, headers=(("trace", b"\xff"), ("none", None))):
    """A refused input's letter as it is read back."""
    record = SimpleNamespace(key=key, value=value, offset=7, timestamp=5, headers=headers)
    key, value, headers = letter(record, "clicks", 3, Reason.MALFORMED, "why")
    return SimpleNamespace(partition=0, offset=1, timestamp=6, key=key, value=value, headers=headers)


@pytest.mark.parametrize("value", [b"{", b"", None])
def test_the_original_comes_back_unchanged(value):
    found = parse(posted(b"v1", value))
    assert (found.key, found.value, found.cut) == (b"v1", value, False)
    assert found.headers == [("trace", b"\xff"), ("none", None)]
    assert (found.source_topic, found.source_partition, found.source_offset) == ("clicks", 3, 7)
    assert (found.reason, found.message, found.source_timestamp) == ("malformed", "why", 5)


def test_what_others_wrote_is_not_a_letter():
    assert parse(SimpleNamespace(headers=[("reason", b"because")])) is None


@pytest.mark.parametrize("secret", ["s" * 40, None])
def test_with_pseudonyms_no_id_is_printed_unless_asked_for(secret, monkeypatch, tmp_path):
    found = parse(posted(b"anna", b"{anna", [("trace", b"anna")]))
    monkeypatch.setattr(dead_letters, "find", lambda *_: found)
    monkeypatch.setattr(dead_letters, "read", lambda *_: [found])
    if secret:
        (tmp_path / "secret").write_text(secret)
        monkeypatch.setenv("PATHCAST_PSEUDONYM_KEY_FILE", str(tmp_path / "secret"))

    def said(*words):
        done = CliRunner().invoke(main, ["dead-letters", *words])
        assert done.exit_code == 0, done.output
        return done.output

    place = ("--partition", "0", "--offset", "1")
    for words in (["list"], ["show", *place]):
        output = said(*words)
        assert ("anna" in output) == (secret is None)
        assert (Pseudonyms(b"s" * 40).visitor(b"anna") in output) == (secret is not None)
    assert said("show", *place, "--plain").count("anna") == 4  # key, header, text, hex


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v" * 3_000_000, ()),
        (b"k" * 3_000_000, b"v", ()),
        (None, b"v", [("h", b"x" * 2_000_000)]),
        (b"k" * 3_000_000, None, [("h", None)]),
    ],
)
def test_what_no_letter_can_hold_is_cut_and_says_so(key, value, headers):
    found = parse(posted(key, value, headers))
    assert found.cut
    assert len(found.key or b"") + len(found.value or b"") <= MOST_BYTES
    assert (key or b"").startswith(found.key or b"")
    assert (value or b"").startswith(found.value or b"")
    assert found.headers == []
