"""A worker's recommendations obey the catalogue, on every tier, from the click after the word came."""

import json
from dataclasses import replace

import pytest

from models.serving.shop_rules import ShopRules
from tests.offline import Offline, processing_config, records
from tests.tiny import version as tiny

START = 1_700_000_000_000


def clicks(count, first=0, **fields):
    return records(
        {
            "event_id": f"e{number}",
            "visitor_id": f"v{number % 3}",
            "ts": START + number * 1000,
            "event": "view_item",
            "item_id": f"i{number % 30}",
            **fields,
        }
        for number in range(first, first + count)
    )


def listed(offline, log):
    answers = offline.answers(offline.process(log))["recommendations"]
    return [[item["item_id"] for item in answer["items"]] for answer in answers]


@pytest.mark.parametrize("tier", ["neural", "popular"])
def test_what_is_out_of_stock_is_not_recommended(tmp_path, tier):
    version = tiny(tmp_path) if tier == "neural" else None
    told, untold = Offline(version), Offline(version)
    listed(told, clicks(40))
    listed(untold, clicks(40))
    otherwise = listed(untold, clicks(5, 40))
    gone = otherwise[-1][:5]
    assert len(gone) == 5
    catalogue = told.pipeline.decoder.catalogue
    catalogue.apply((name.encode(), json.dumps({"stock": 0}).encode()) for name in gone)
    after = listed(told, clicks(5, 40))
    assert all(after)
    assert not {name for row in after for name in row} & set(gone)
    catalogue.apply((name.encode(), None) for name in gone)
    assert listed(told, clicks(5, 45)) == listed(untold, clicks(5, 45))


def test_answers_do_not_depend_on_chunks(tmp_path):
    version, found = tiny(tmp_path), []
    rules = replace(
        processing_config(),
        shop=ShopRules(recommend_bought=False, most_per_category=4, blocked_items=["i3"]),
    )
    log = clicks(60)
    for bought in clicks(6, 60, event="purchase"):
        log.append(bought)
    log += clicks(80, 66)
    for size in (1, 7, len(log)):
        offline = Offline(version, rules)
        answers = [a for chunk in offline.run(log, size) for a in chunk["recommendations"]]
        found.append([[item["item_id"] for item in answer["items"]] for answer in answers])
    assert found[0] == found[1] == found[2]
    assert not any("i3" in row for row in found[0])
    # e60 bought i0 for v0; its clicks after it are e63, e66, ...
    assert not any("i0" in found[0][number] for number in range(60, 146, 3))
    assert any("i0" in row for row in found[0])
