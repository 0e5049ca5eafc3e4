"""Sealed answers are opened, also where their key is read after them; forgotten visitors' are not."""

import json
from secrets import token_bytes

from gateway.answers.sealed_answers import WAIT_SECONDS, SealedAnswers
from models.privacy.envelope import KEY_BYTES, NONCE_BYTES, Envelopes
from models.privacy.keyring import Keyring

SECRET = b"a master secret of more than 32 bytes"
VALUE = json.dumps({"event_id": "e1"}).encode()


class Keys:
    """A follower without Kafka, and a visitor with a key."""

    def __init__(self):
        envelopes = Envelopes(SECRET)
        self.wrapped = envelopes.wrap(b"anna", token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES))
        self.value = envelopes.unwrap(b"anna", self.wrapped).seal(
            "recommendations", VALUE, token_bytes(NONCE_BYTES)
        )
        self.now, self.late = 0.0, []
        self.follower = SealedAnswers(
            Keyring(envelopes), "visitor-keys", {}, self.late.extend, lambda: self.now
        )

    def open(self):
        return self.follower.opened("recommendations", 0, b"anna", self.value)


def test_an_answer_is_opened_with_its_key():
    keys = Keys()
    keys.follower.take([(0, b"anna", keys.wrapped)])
    assert keys.open() == VALUE
    assert keys.late == []


def test_an_answer_waits_for_a_key_that_comes_after_it():
    keys = Keys()
    assert keys.open() is None
    keys.follower.take([(1, b"berta", keys.wrapped)])
    assert keys.late == []
    keys.follower.take([(0, b"anna", keys.wrapped)])
    assert [(one.role, one.key, one.value) for one in keys.late] == [("recommendations", b"anna", VALUE)]


def test_without_a_key_nothing_is_opened_and_nothing_kept():
    keys = Keys()
    keys.follower.take([(0, b"anna", keys.wrapped), (0, b"anna", None)])
    assert keys.open() is None
    keys.now = WAIT_SECONDS + 1
    keys.follower.take([(0, b"anna", keys.wrapped)])
    assert keys.late == []


def test_a_changed_value_is_not_opened(capsys):
    keys = Keys()
    keys.follower.take([(0, b"anna", keys.wrapped)])
    assert keys.follower.opened("recommendations", 0, b"anna", keys.value[:-1] + b"x") is None
    assert keys.follower.opened("recommendations", 0, b"berta", keys.value) is None
    assert "NotOpened" in capsys.readouterr().out
