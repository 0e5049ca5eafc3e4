"""What a letter says of the input that it holds."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster import dead_letters, refused_replays
from deploy.cluster.dead_letters import parse
from deploy.cluster.refused_replays import Replays
from models.contract.events import Reason
from models.contract.pseudonyms import Pseudonyms
from streams.texts.dead_letter import MOST_BYTES, encode_dead_letter


def posted(key, value, headers=(("trace", b"\xff"), ("none", None))):
    """A refused input's letter as it is read back."""
    record = SimpleNamespace(key=key, value=value, offset=7, timestamp=5, headers=headers)
    key, value, headers = encode_dead_letter(record, "clicks", 3, Reason.MALFORMED, "why")
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
    monkeypatch.setattr(refused_replays, "read_newest", lambda *_: iter([(found, 0)]))
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


@pytest.mark.parametrize("value", [b"v" * 3_000_000, b"v"])
def test_a_letter_of_a_replay_says_so_whatever_its_size(value):
    headers = [("trace", b"x" * 500), ("replayed-from", b"letters/2/17"), ("replay-attempt", b"3")]
    found = parse(posted(b"k", value, headers))
    assert (found.attempt, found.replay_of("letters"), found.replay_of("others")) == (3, (2, 17), None)
    assert ("trace" in dict(found.headers)) is not found.cut


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("replayed-from", b"letters/2")],
        [("replayed-from", b"letters/a/b")],
        [("replayed-from", None)],
        [("replay-attempt", "²".encode())],
    ],
)
def test_headers_that_are_none_of_ours_are_no_replay(headers):
    assert parse(posted(b"k", b"v", headers)).replay_of("letters") is None


def told(offset, replayed_from=None, attempt=None, value=b"v", timestamp=None):
    """A letter at partition 0 and an offset."""
    headers = [("replayed-from", f"letters/0/{replayed_from}".encode())] if replayed_from is not None else []
    headers += [("replay-attempt", str(attempt).encode())] if attempt else []
    record = posted(b"k", value, headers)
    record.offset, record.timestamp = offset, offset if timestamp is None else timestamp
    return parse(record)


def shown(*letters):
    replays = Replays(letters, "letters")
    return {one.offset: replays.times(one) for one in letters if replays.newest(one)}


def test_an_input_that_was_replayed_in_vain_is_one_entry():
    first, second, third = told(1), told(2, 1, 1), told(3, 1, 2)
    assert shown(first) == {1: 0}
    assert shown(first, second) == {2: 1}
    assert shown(third, first, told(9, value=b"other"), second) == {3: 2, 9: 0}


def test_an_older_program_named_the_letter_before():
    assert shown(told(1), told(2, 1), told(3, 2), told(4, 3, 2)) == {4: 3}


def test_attempts_count_though_older_letters_are_gone():
    assert shown(told(7, 1, 5)) == {7: 5}


def test_a_header_of_another_input_hides_nothing():
    assert shown(told(1), told(2, 1, 1, value=b"other")) == {1: 0, 2: 1}
    assert set(shown(told(1, 2, 1), told(2, 1, 1))) == {1, 2}
