"""With a secret no id of a person goes beyond the decoder: not to state, answers, messages or memory."""

import json
import re

import pytest

from models.contract.events import Limits
from models.contract.pseudonyms import NONCE_BYTES, Pseudonyms, WeakSecret, looks_like_one
from models.privacy.erasure import FORGET, SEALED_ID
from streams.config.secret_file import pseudonyms
from tests.offline import Offline, Record, records
from tests.secret_files import refuses_what_is_no_secret
from tests.tiny import version as tiny

START = 1_700_000_000_000
WHO, USER = "someone-very-special", "someone@example.com"
SECRET = b"0123456789abcdefghijklmnopqrstuv"
HIDDEN = Pseudonyms(SECRET)
NAME = HIDDEN.visitor(WHO.encode())


def event(number, visitor=WHO, **fields):
    known = {
        "event_id": f"e{number}",
        "visitor_id": visitor,
        "event": "view_item",
        "item_id": f"i{number % 9}",
    }
    return known | {"ts": START + 1000 * number, "user_id": USER} | fields


def offline(*arguments, secret=HIDDEN):
    return Offline(*arguments, pseudonyms=secret)


def everywhere(one, effects):
    memory = one.pipeline.caches[0]
    return repr((one.state, effects.outputs, memory.answers.chunks, memory.recent))


def test_a_pseudonym_is_stable_and_says_nothing_without_the_secret():
    assert re.fullmatch("[0-9a-f]{32}", NAME)
    assert Pseudonyms(SECRET).visitor(WHO.encode()) == NAME
    other = Pseudonyms(SECRET[::-1])
    assert other.visitor(WHO.encode()) != NAME
    assert other.fingerprint != HIDDEN.fingerprint
    assert HIDDEN.user(WHO.encode()) != NAME
    # A change here would make unknown visitors of all.
    assert NAME == "a1bc8eda2e73c31594a826142e98c54e"


def test_no_id_goes_beyond_the_decoder(tmp_path):
    one = offline(tiny(tmp_path))
    effects = one.process(records([event(n) for n in range(5)]))
    assert WHO not in everywhere(one, effects)
    assert USER not in everywhere(one, effects)
    for topic in ("purchase-intent", "recommendations", "ad-decisions"):
        for key, value, _ in effects.outputs[topic]:
            assert (key.decode(), json.loads(value)["visitor_id"]) == (NAME, NAME)


def test_answers_are_the_same_but_for_the_name(tmp_path):
    version = tiny(tmp_path)
    chunk = [event(n, f"v{n % 3}") for n in range(60)]
    plain, hidden = Offline(version), offline(version)
    names = {f"v{n}": HIDDEN.visitor(b"v%d" % n) for n in range(3)}

    def renamed(answers):
        texts = json.dumps([{topic: made for topic, made in one.items()} for one in answers])
        for raw, name in names.items():
            texts = texts.replace(f'"{raw}"', f'"{name}"').replace(f'"{raw}:', f'"{name}:')
        return re.sub(r'"scored_at": \d+', "", texts)

    assert renamed(plain.run(records(chunk), 20)) == renamed(hidden.run(records(chunk), 20))


def test_a_visitor_is_looked_up_by_id(tmp_path):
    one = offline(tiny(tmp_path))
    one.process(records([event(0)]))
    found = one.lookups.look_up(WHO)
    assert found is not None
    assert WHO not in json.dumps(found)
    assert one.lookups.explain(WHO) is not None
    assert one.lookups.look_up(NAME) is None


def test_forgetting_takes_the_id_and_also_finds_what_is_older_than_the_secret():
    plain = Offline()
    plain.process(records([event(0)]))
    one = offline()
    one.state.update(plain.state)
    one.process(records([event(1)]))
    assert sorted(key[:1] for key in one.state if key[:1] in b"vt") == [b"t", b"t", b"v", b"v"]
    effects = one.process([Record(2, START, WHO.encode(), None, [("pathcast-forget", b"r1")])])
    assert not [key for key in one.state if key[:1] in (b"v", b"t")]
    (receipt,) = (json.loads(value) for _, value, _ in effects.outputs["visitor-erasures"])
    assert (receipt["found"], receipt["pseudonyms"]) == (True, HIDDEN.fingerprint)
    assert one.lookups.look_up(WHO) is None


def by_pseudonym(secret=HIDDEN, who=WHO):
    """A request as the command with this secret sends it."""
    sealed = secret.seal(who.encode(), b"n" * NONCE_BYTES)
    headers = [(FORGET, b"r1"), (SEALED_ID, sealed)]
    return Record(2, START, secret.visitor(who.encode()).encode(), None, headers)


def receipt_of(effects):
    (receipt,) = (json.loads(value) for _, value, _ in effects.outputs["visitor-erasures"])
    return receipt["found"], receipt["opened"]


def visitors_in(state):
    return [key for key in state if key[:1] in (b"v", b"t")]


def test_an_id_is_sealed_by_the_secret_and_opens_with_its_own_pseudonym_only():
    sealed = HIDDEN.seal(WHO.encode(), b"n" * NONCE_BYTES)
    assert WHO.encode() not in sealed
    assert HIDDEN.opened(NAME.encode(), sealed) == WHO.encode()
    assert HIDDEN.opened(HIDDEN.visitor(b"bob").encode(), sealed) is None
    assert HIDDEN.opened(NAME.encode(), sealed[:-1]) is None
    assert HIDDEN.opened(NAME.encode(), b"") is None
    assert Pseudonyms(SECRET[::-1]).opened(NAME.encode(), sealed) is None
    assert looks_like_one(NAME)
    assert not looks_like_one(WHO)


def test_a_request_by_pseudonym_has_no_id_and_also_finds_what_is_older_than_the_secret():
    plain = Offline()
    plain.process(records([event(0), event(1, "other")]))
    one = offline()
    one.state.update(plain.state)
    one.process(records([event(2)]))
    others = [key for key in visitors_in(one.state) if key.endswith(b"vother")]
    effects = one.process([by_pseudonym()])
    assert WHO not in repr((by_pseudonym(), effects.outputs))
    assert receipt_of(effects) == (True, True)
    assert visitors_in(one.state) == others


def test_a_request_of_another_secret_erases_nobody_and_its_receipt_says_that_it_was_not_understood():
    one = offline()
    one.process(records([event(0)]))
    before = visitors_in(one.state)
    assert receipt_of(one.process([by_pseudonym(Pseudonyms(SECRET[::-1]))])) == (False, False)
    assert visitors_in(one.state) == before


def test_after_pseudonyms_were_turned_off_a_request_by_pseudonym_finds_what_is_left():
    hidden = offline()
    hidden.process(records([event(0)]))
    one = offline(secret=None)
    one.state.update(hidden.state)
    assert receipt_of(one.process([by_pseudonym()])) == (True, False)
    assert visitors_in(one.state) == []


def test_a_request_whose_key_no_visitor_can_have_is_a_dead_letter():
    effects = offline().process([Record(0, START, b"\xff", None, [(FORGET, b"r1")])])
    assert len(effects.outputs["clicks-dead-letter"]) == 1
    assert "visitor-erasures" not in effects.outputs


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(0, START, WHO.encode(), json.dumps(event(0, "another-one")).encode()), "key_mismatch"),
        (Record(0, START, b"another-one", json.dumps(event(0)).encode()), "key_mismatch"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, WHO * 100)).encode()), "invalid"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, {"id": WHO})).encode()), "invalid"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, ts=WHO)).encode()[:-30]), "malformed"),
        (Record(0, START, WHO.encode(), json.dumps(WHO).encode()), "malformed"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, ts=WHO)).encode()), "invalid"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, event=WHO)).encode()), "invalid"),
        (Record(0, START, WHO.encode(), json.dumps(event(0, schema_version=WHO)).encode()), "unknown_schema"),
    ],
)
def test_a_dead_letter_keeps_the_bytes_and_its_message_names_nobody(record, reason):
    one = offline(None, None, Limits(check_skew=False))
    ((key, value, headers),) = one.process([record]).outputs["clicks-dead-letter"]
    said = dict(headers)
    assert (key, value, said["reason"].decode()) == (record.key, record.value, reason)
    assert WHO[:10] not in said["message"].decode()
    assert "another-one" not in said["message"].decode()


def test_an_unknown_event_is_still_quoted():
    record = Record(0, START, WHO.encode(), json.dumps(event(0, event="sneeze")).encode())
    ((_, _, headers),) = offline().process([record]).outputs["clicks-dead-letter"]
    assert "event is 'sneeze'" in dict(headers)["message"].decode()


def test_an_error_of_our_own_quotes_nobody():
    one = offline()
    work = type("Work", (), {"records": records([event(0)]), "partition": 0, "watermark": 0})()
    ((_, _, headers),) = one.pipeline.reject(work, KeyError(WHO)).outputs["clicks-dead-letter"]
    assert WHO not in dict(headers)["message"].decode()


def test_secrets_that_are_missing_or_short_are_refused_and_never_shown(tmp_path):
    file = tmp_path / "secret"
    refuses_what_is_no_secret(pseudonyms, file, "PATHCAST_PSEUDONYM_KEY_FILE")
    file.write_bytes(SECRET + b"\n")
    assert pseudonyms(file).fingerprint == HIDDEN.fingerprint
    with pytest.raises(WeakSecret, match="has 7 bytes"):
        Pseudonyms(b"hunter2")
