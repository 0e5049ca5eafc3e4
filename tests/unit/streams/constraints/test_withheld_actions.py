"""Constraints before the policy: each is masked, recorded with its reason, told, counted and verified."""

import json

import pytest

from models.constraints.action_limits import hashed
from models.decisions.actions import ActionSet
from models.decisions.verify import verify
from models.features import features
from models.features.raw_values import raw_values
from tests.offline import Offline, records
from tests.unit.streams.pipeline.test_deciding import counted, shopping
from tests.unit.streams.pipeline.test_processor import DECISIONS, event

NONE = '[[actions]]\nname = "none"\nkind = "none"\n'
AD = '[[actions]]\nname = "ad"\nkind = "ad"\n'
HEAD = 'placement = "p"\nepsilon = 0.0\n'


def decided(text: str, clicks=None, size: int = 100):
    offline = Offline(actions=text)
    made = [one for chunk in offline.run(clicks or shopping(4), size) for one in chunk[DECISIONS]]
    actions = ActionSet.load(text)
    assert [verify(one, actions) for one in made] == [[]] * len(made)
    return made, offline


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("holdout = { share = 1.0, salt = 's' }\n" + HEAD + NONE + AD, "holdout"),
        (f'do_not_target = ["{hashed("v")}"]\n' + HEAD + NONE + AD, "do_not_target"),
        (
            'do_not_target = ["segment:all"]\n' + HEAD + '[segments]\nall = "clicks >= 1"\n' + NONE + AD,
            "do_not_target",
        ),
        (HEAD + NONE + AD + "end = 1999-01-01\n", "flight"),
        (HEAD + NONE + AD + 'audience = "orders > 3"\n', "audience"),
        (HEAD + NONE + AD + "cost = 1\nbudget_per_day = 1\nmax_risk = 1.0\n", "budget"),
    ],
)
@pytest.mark.parametrize("size", [1, 4])
def test_what_a_constraint_withholds_is_recorded_told_and_counted(text: str, reason: str, size: int) -> None:
    made, offline = decided(text, size=size)
    for one in made:
        assert (one["action"], one["propensity"], one["would_have"]) == ("none", 1.0, "ad")
        assert one["context"]["withheld"] == {reason: 2}
        assert one["context"]["mask"] == 1
        assert one["explanation"]["withheld"] == {"ad": reason}
        assert "not offered" in one["explanation"]["text"]
    assert {name: count for name, count in counted(offline).items() if count} == {reason: 4}


def test_where_nothing_is_withheld_nothing_is_recorded() -> None:
    made, _ = decided(HEAD + NONE + AD + 'audience = "clicks >= 1"\nstart = 2000-01-01\n')
    assert {one["action"] for one in made} == {"ad"}
    assert all("withheld" not in one["context"] for one in made)


def test_without_consent_the_record_names_no_constraint() -> None:
    text = "holdout = { share = 1.0, salt = 's' }\n" + HEAD + NONE + AD + 'audience = "orders > 3"\n'
    made, offline = decided(text, shopping(2, consent=False))
    assert all("withheld" not in one["context"] for one in made)
    assert {name: count for name, count in counted(offline).items() if count} == {"consent": 2}


def test_each_action_is_withheld_for_one_reason() -> None:
    text = (
        HEAD
        + NONE
        + AD
        + 'audience = "orders > 3"\nend = 1999-01-01\ncaps.per_session = 1\n'
        + '[[actions]]\nname = "nudge"\nkind = "nudge"\naudience = "orders > 3"\n'
    )
    made, offline = decided(text)
    assert made[0]["context"]["withheld"] == {"flight": 2, "audience": 4}
    assert {name: count for name, count in counted(offline).items() if count} == {"flight": 4, "audience": 4}


def test_a_wrong_mask_is_found_by_verification() -> None:
    text = "holdout = { share = 1.0, salt = 's' }\n" + HEAD + NONE + AD + "start = 2000-01-01\n"
    made, _ = decided(text)
    record = json.loads(json.dumps(made[0]))
    record["context"]["mask"] = 3
    assert "recorded as withheld (holdout)" in verify(record, ActionSet.load(text))[0]
    del record["context"]["withheld"]
    assert "hold-out" in verify(record, ActionSet.load(text))[0]
    record["ts"] = 1
    assert "flight" in verify(record, ActionSet.load(text))[0]


def test_audiences_read_the_state_in_its_own_units() -> None:
    clicks = records(
        [
            event(0, "v", 0, event="add_to_cart", item_id="a", price=40.0),
            event(1, "v", 120, event="view_item", item_id="b", price=10.0),
            event(2, "v", 1440, event="view_item", item_id="c", price=10.0),
        ]
    )
    cases = {
        "cart_value >= 39.9 and cart_value <= 40.1": [True, False, False],
        "hours_since_visit > 1.9 and hours_since_visit < 2.1": [False, True, False],
        "not known(hours_since_purchase)": [True, True, True],
        "sessions >= 2": [False, True, True],
        'event == "view_item"': [False, True, True],
        "price == 40": [True, False, False],
        'stage == "cart"': [True, False, False],
    }
    for text, expected in cases.items():
        made, _ = decided(HEAD + NONE + AD + f"audience = '{text}'\n", clicks)
        assert [one["action"] == "ad" for one in made] == expected, text


def test_raw_values_are_those_that_were_packed() -> None:
    names = [feature.name for feature in features.PACKED]
    row = features.PACK(*map(float, range(len(names))), b"")
    assert [raw_values(row * 2, names)[name].tolist() for name in names] == [
        [n, n] for n in range(len(names))
    ]
