"""What is sealed opens with its own key in its own place, and by nothing else."""

from secrets import token_bytes

import pytest

from models.privacy.envelope import (
    KEY_BYTES,
    MAGIC,
    NONCE_BYTES,
    WRAPPED_BYTES,
    Envelopes,
    KeyGone,
    NotOpened,
    WeakMaster,
    WrongMaster,
    is_sealed,
)
from models.privacy.keyring import Keyring

MASTER = Envelopes(b"m" * 32)
KEY = (
    "000102030405060708090a0bf1f3cdb7b0ad4c563c4ee95b1fb2c2734d207870a2d45513c79fe83f619fe02010"
    "6e22b05dcbdc1dff82c232795a4d2d"
)
VALUE = (
    "005045010001020304050607000102030405060708090a0b3c20b36da08bb644e425b5b1938c494ffea4d67661"
    "dd79e6324d03e343aae960cc"
)
ROLE, WHO, SAID = "purchase_intent", b"anna", b'{"event_id":"e1"}'


def wrapped(visitor=WHO, master=MASTER):
    return master.wrap(visitor, token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES))


def sealed(key, visitor=WHO, role=ROLE, said=SAID):
    return MASTER.unwrap(visitor, key).seal(role, said, token_bytes(NONCE_BYTES))


def ring(*pairs, master=MASTER):
    made = Keyring(master)
    for visitor, key in pairs:
        made.take(0, visitor, key)
    return made


def test_what_is_sealed_opens_and_says_what_it_is():
    key = wrapped()
    value = sealed(key)
    assert is_sealed(value)
    assert len(value) == len(SAID) + 40
    assert len(key) == WRAPPED_BYTES
    assert SAID not in value
    assert ring((WHO, key)).open(ROLE, 0, WHO, value) == SAID
    assert sealed(key) != value


def test_a_plain_value_passes_and_nothing_plain_looks_sealed():
    assert ring().open(ROLE, 0, WHO, SAID) == SAID
    assert not is_sealed(SAID)
    assert not is_sealed(b"")
    assert not is_sealed(None)


def test_without_its_key_a_value_is_erased():
    key = wrapped()
    value, keys = sealed(key), ring((WHO, key), (b"bob", wrapped(b"bob")))
    others = sealed(keys._wrapped[0, b"bob"], b"bob")
    assert keys.open(ROLE, 0, WHO, value) == SAID
    keys.take(0, WHO, None)
    with pytest.raises(KeyGone, match="sealed value of purchase_intent needs a key that is not there"):
        keys.open(ROLE, 0, WHO, value)
    keys.take(0, WHO, None)
    # A later life of the visitor has a key of its own.
    keys.take(0, WHO, wrapped())
    with pytest.raises(KeyGone):
        keys.open(ROLE, 0, WHO, value)
    assert keys.open(ROLE, 0, b"bob", others) == SAID


def test_who_is_on_two_partitions_has_two_keys():
    one, other = wrapped(), wrapped()
    keys = ring((WHO, one))
    keys.take(1, WHO, other)
    assert keys.open(ROLE, 0, WHO, sealed(one)) == keys.open(ROLE, 1, WHO, sealed(other)) == SAID
    keys.take(0, WHO, None)
    assert keys.open(ROLE, 1, WHO, sealed(other)) == SAID
    with pytest.raises(KeyGone):
        keys.open(ROLE, 0, WHO, sealed(one))


@pytest.mark.parametrize("cut", [len(MAGIC), len(MAGIC) + 8, 24, 30, 41, -1])
def test_a_cut_value_is_not_opened(cut):
    key = wrapped()
    value = sealed(key)[:cut]
    with pytest.raises(KeyGone if cut == len(MAGIC) else NotOpened):
        ring((WHO, key)).open(ROLE, 0, WHO, value)


def test_a_changed_or_moved_value_is_not_opened():
    key, bobs = wrapped(), wrapped(b"bob")
    value = sealed(key)
    keys = ring((WHO, key), (b"bob", bobs))
    with pytest.raises(NotOpened, match=f"{len(value)} bytes cannot be opened as recommendations"):
        keys.open("recommendations", 0, WHO, value)
    with pytest.raises(NotOpened):
        keys.open(ROLE, 0, WHO, value[:-1] + bytes([value[-1] ^ 1]))
    with pytest.raises(KeyGone):
        keys.open(ROLE, 0, b"bob", value)
    # Also where somebody puts the key's name right, or gives one visitor's key to another.
    with pytest.raises(NotOpened):
        keys.open(ROLE, 0, b"bob", MAGIC + bobs[:8] + value[12:])
    keys.take(0, b"bob", key)
    with pytest.raises(WrongMaster):
        keys.open(ROLE, 0, b"bob", value)


def test_another_master_secret_opens_no_key_and_says_so():
    key = wrapped()
    other = Envelopes(b"n" * 32)
    with pytest.raises(WrongMaster, match=r"60 bytes, expected 60.*PATHCAST_ENVELOPE_KEY_FILE"):
        ring((WHO, key), master=other).open(ROLE, 0, WHO, sealed(key))
    with pytest.raises(WrongMaster, match="7 bytes"):
        MASTER.unwrap(WHO, key[:7])
    with pytest.raises(WeakMaster, match="has 7 bytes, expected at least 32"):
        Envelopes(b"hunter2")


def test_the_format_is_the_one_that_topics_hold():
    # A change here would make erased of all that was sealed before.
    key = MASTER.wrap(WHO, bytes(range(32)), bytes(range(12)))
    value = MASTER.unwrap(WHO, key).seal(ROLE, SAID, bytes(range(12)))
    assert (key.hex(), value.hex()) == (KEY, VALUE)
