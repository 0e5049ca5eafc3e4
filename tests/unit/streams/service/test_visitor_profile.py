"""What is shown of a visitor: names where there were hashes, in the units of the shop."""

import json

from models.contract.items import Item
from models.state.codes import category_hash
from models.state.visitor import Visitor
from streams.service.visitor_profile import Names, visitor_profile
from tests.offline import Offline, records
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import event

CLICKS = [
    event(0, "v", 0, event="view_item", item_id="i1", category="clocks", price=20.0),
    event(1, "v", 1, event="add_to_cart", item_id="i1", category="clocks", price=20.0, quantity=2),
    event(2, "v", 2, event="view_item", item_id="lamp-7", category="lamps", price=20.0),
    event(3, "v", 3, event="add_to_cart", item_id="lamp-7", category="lamps", price=5.5),
    event(4, "v", 4, event="add_to_cart", item_id="odd", category="unheard", price=1.0),
]


def shown(offline):
    offline.process(records(CLICKS))
    found = offline.lookups.look_up("v")
    assert found is not None
    assert json.loads(json.dumps(found)) == found
    return found


def test_interests_and_cart_have_the_names_of_the_catalogue_and_of_the_version(tmp_path):
    clocks = (("interest_category", ("clocks", "other")),)
    offline = Offline(tiny(tmp_path, tasks=clocks))
    offline.pipeline.decoder.catalogue.put("lamp-7", Item(category="lamps"))
    found = shown(offline)
    profile = found["profile"]
    unheard = f"unnamed category {category_hash('unheard'):08x}"
    assert list(profile["interests"]) == ["clocks", "lamps", unheard]
    assert sum(profile["interests"].values()) == 1
    assert found["state"]["categories"].keys() == profile["interests"].keys()
    names = [line["item_id"] for line in profile["cart"]]
    assert names[:2] == ["i1", "lamp-7"]
    assert names[2].startswith("unnamed item ")
    assert profile["cart"][0] == {"item_id": "i1", "pieces": 2, "price": 20.0}
    assert profile["cart_value"] == 46.5
    assert profile["this_session"] == {"view_item": 2, "add_to_cart": 3, "spent": 0.0}
    assert 4 < profile["usual_price"] < 25


def test_without_catalogue_and_model_what_is_unnamed_is_called_so():
    profile = shown(Offline())["profile"]
    assert all(name.startswith("unnamed category ") for name in profile["interests"])
    assert all(line["item_id"].startswith("unnamed item ") for line in profile["cart"])


def test_a_visitor_of_whom_nothing_is_known_has_an_empty_profile():
    nobody, offline = Visitor(), Offline()
    profile = visitor_profile(nobody, Names(nobody, offline.pipeline.decoder.catalogue, None))
    assert (profile["interests"], profile["cart"], profile["usual_price"]) == ({}, [], None)
