"""Links, users and messages between workers that name a person are found, and no others."""

from types import SimpleNamespace

import pytest

from deploy.privacy.named_people import message_names, state_names
from models.identity import messages, user_devices
from models.identity.messages import Given, Others, Snapshot
from models.identity.user_devices import Device, User
from models.state import state_keys, visitor
from models.state.summary import Summary
from models.state.visitor import Visitor

LINKED = visitor.encode(Visitor(user_id="anna"))
RECORD = user_devices.encode(User(devices={"phone": Device(0, 1, Summary())}))


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        (state_keys.link("anna", b"vphone"), b"", {"anna", "phone"}),
        (state_keys.user("anna"), RECORD, {"phone"}),
        (state_keys.visitor("phone"), LINKED, {"anna"}),
        (state_keys.visitor("phone"), visitor.encode(Visitor()), set()),
        (state_keys.item_pane(1, "anna"), b"anna", set()),
        (state_keys.user("anna"), b"\xff\xa5phone", {"phone"}),  # damaged: better found than overlooked
    ],
)
def test_state_that_joins_devices(key, value, names):
    record = SimpleNamespace(key=key, value=value)
    found = {name for name in ("anna", "phone", "ann", "hone", "bert") if state_names(record, [name])}
    assert found == names


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (Snapshot("anna", "phone", 0, 1, None), {"anna", "phone"}),
        (Others("phone", 0, "anna", Summary()), {"anna", "phone"}),
        (Given("anna", None), {"anna"}),
    ],
)
def test_messages_between_workers(message, names):
    value = messages.encode(message)
    assert {name for name in ("anna", "phone", "ann", "bert") if message_names(value, [name])} == names


@pytest.mark.parametrize("value", [None, b"", b'{"user_id": "anna"}', b"\x93\xa4anna"])
def test_other_values(value):
    assert message_names(value, ["anna"]) is (value == b"\x93\xa4anna")
