"""Flights, budgets, hold-out and lists of the actions file: what they compile to, and what is refused."""

from datetime import UTC, datetime

import pytest

from models.constraints.accounts import day_account, day_of, plans
from models.constraints.action_limits import hashed, in_holdout
from models.constraints.fields import HoldOut
from models.constraints.toml_lines import line_of
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.durations import DAY_MS, HOUR_MS

HEAD = 'placement = "shop"\nepsilon = 0.1\n'
NONE = '[[actions]]\nname = "nothing"\nkind = "none"\n'
AD = '[[actions]]\nname = "ad"\nkind = "ad"\n'
FLIGHT = (
    '[[flights]]\nname = "autumn"\nstart = 2026-10-01\nend = 2026-10-02T12:00:00Z\n'
    "budget = 30\nbudget_per_day = 20.5\n"
)
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


def test_a_flight_gives_its_actions_dates_and_accounts() -> None:
    actions = ActionSet.load(HEAD + FLIGHT + NONE + AD + 'flight = "autumn"\ncost = 0.25\n')
    assert [actions.limits.closed(START + at) for at in (-1, 0, 36 * HOUR_MS - 1, 36 * HOUR_MS)] == [
        2,
        0,
        0,
        2,
    ]
    charge = actions.limits.charges[1]
    assert (charge.cost, charge.accounts(START)) == (250, ("autumn", "autumn/2026-10-01"))
    assert [actions.limits.budget(name) for name in ("autumn", "autumn/2026-10-01", "other")] == [
        30_000,
        20_500,
        0,
    ]


def test_accounts_are_released_over_the_time_in_which_the_flight_runs() -> None:
    actions = ActionSet.load(HEAD + FLIGHT + NONE + AD + 'flight = "autumn"\ncost = 0.25\n')
    day = START // DAY_MS
    found = plans(actions.flights, actions.actions, [day - 1, day, day + 1, day + 2])
    assert [(one.name, one.budget, one.start, one.end, one.least) for one in found] == [
        ("autumn", 30_000, START, START + 36 * HOUR_MS, 250),
        ("autumn/2026-10-01", 20_500, START, START + DAY_MS, 250),
        ("autumn/2026-10-02", 20_500, START + DAY_MS, START + 36 * HOUR_MS, 250),
    ]


def test_an_action_has_a_flight_of_its_own_beside_the_one_that_it_names() -> None:
    text = AD + 'flight = "autumn"\ncost = 1\nbudget_per_day = 3\npacing = "ahead"\n'
    actions = ActionSet.load(HEAD + FLIGHT + NONE + text)
    assert actions.limits.charges[1].accounts(START) == (
        "autumn",
        "autumn/2026-10-01",
        "action:ad/2026-10-01",
    )
    (own,) = [one for one in plans(actions.flights, actions.actions, [0]) if one.name.startswith("action:")]
    assert (own.name, own.pacing, own.budget) == ("action:ad/1970-01-01", "ahead", 3_000)


def test_days_and_their_accounts() -> None:
    assert day_account("f", 20_000) == "f/2024-10-04"
    assert day_of("f/2024-10-04") == 20_000
    assert day_of("f") is None


def test_the_holdout_is_a_share_of_visitors_that_the_salt_reshuffles() -> None:
    visitors = [f"v{n}" for n in range(20_000)]
    first, second = ({one for one in visitors if in_holdout(HoldOut(0.1, salt), one)} for salt in ("a", "b"))
    assert 1_850 < len(first) < 2_150
    assert len(first & second) < 300
    wider = {one for one in visitors if in_holdout(HoldOut(0.2, "a"), one)}
    assert first < wider, "a larger share keeps those who are in it"
    assert not in_holdout(HoldOut(0.0, "a"), "v")
    assert in_holdout(HoldOut(1.0, "a"), "v")


def test_listed_visitors_and_segments_lose_the_actions() -> None:
    text = (
        f'do_not_target = ["{hashed("v")}"]\n{HEAD}[segments]\nlarge = "cart_value > 100"\n{NONE}{AD}'
        f'do_not_target = ["segment:large", "{hashed("w")}"]\n'
        '[[actions]]\nname = "nudge"\nkind = "nudge"\n'
    )
    limits = ActionSet.load(text).limits
    assert limits.untargeted == {hashed("v"): 6, hashed("w"): 2}
    assert [(audience.text, bits) for audience, bits in limits.avoided] == [("cart_value > 100", 2)]


def version(text: str) -> str:
    return ActionSet.load(text).digest("any")


@pytest.mark.parametrize(
    "line",
    [
        "price = 3.0",
        'category = "shoes"',
        "value_at_stake = 2.5",
        'creatives = ["a", "b"]',
        'audience = "orders > 1"',
        "start = 2026-01-01",
        f'do_not_target = ["{hashed("v")}"]',
    ],
)
def test_new_fields_change_the_version(line: str) -> None:
    assert version(HEAD + NONE + AD + line) != version(HEAD + NONE + AD)
    assert version(HEAD + NONE + AD) == version(HEAD + NONE + AD + "cost = 0\n".replace("cost = 0\n", ""))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEAD + NONE + AD + 'flight = "spring"', ["actions[1] (ad).flight", "'spring'", "line 9"]),
        (HEAD + FLIGHT + NONE, ["flights[0] (autumn)", "a flight of no action", "line 3"]),
        (
            HEAD + FLIGHT + NONE + AD + 'flight = "autumn"',
            ["flights[0] (autumn)", "no action is charged to", "cost"],
        ),
        (HEAD + NONE + AD + "budget_per_day = 5", ["actions[1] (ad)", "a budget without a cost", "line 6"]),
        (
            HEAD + NONE + AD + "cost = 1\nbudget = 5\n",
            ["actions[1] (ad)", "pacing 'even' of a budget", "`start` and `end`"],
        ),
        (
            HEAD + NONE + AD + "start = 2026-02-01\nend = 2026-01-01\n",
            ["start 2026-02-01T00:00:00+00:00", "start before end"],
        ),
        (HEAD + NONE + AD + "start = 2026-02-01T10:00:00", ["actions[1] (ad).start", "line 9"]),
        (HEAD + NONE + AD + 'audience = "order > 1"', ["actions[1] (ad).audience", "column 1", "line 9"]),
        (HEAD + "[segments]\norders = 'orders > 1'\n" + NONE, ["segments.orders", "not taken"]),
        (HEAD + "[segments]\nx = 'orders >'\n" + NONE, ["segments.x", "column"]),
        (HEAD + NONE + AD + 'do_not_target = ["segment:x"]', ["do_not_target", "'segment:x'", "line 9"]),
        (HEAD + NONE + AD + 'do_not_target = ["bob"]', ["do_not_target[0]", "'bob'", "line 9"]),
        (HEAD + NONE + AD + 'pacing = "slow"', ["pacing", "even, ahead, asap", "'slow'"]),
        (HEAD + NONE + AD + "budget_per_day = -1", ["budget_per_day", "-1"]),
        ("holdout = { share = 2.0, salt = 'x' }\n" + HEAD + NONE, ["holdout.share", "2.0", "line 1"]),
        (HEAD + NONE + "budget_per_day = 1", ["more than a name on 'none'"]),
        (HEAD + FLIGHT + FLIGHT + NONE + AD + 'flight = "autumn"\ncost = 1', ["'autumn' again"]),
        ("[[actions]\n", ["line 1"]),
    ],
)
def test_a_wrong_limit_is_named_with_its_line(text: str, parts: list[str]) -> None:
    with pytest.raises(ActionsError) as failure:
        ActionSet.load(text)
    assert [part for part in parts if part not in str(failure.value)] == [], str(failure.value)


SEVERAL = f"""
[[placements]]
placement = "top"
epsilon = 0.1
{NONE.replace("[[actions", "[[placements.actions")}
{AD.replace("[[actions", "[[placements.actions")}
[[placements]]
placement = "basket"
epsilon = 0.2
{NONE.replace("[[actions", "[[placements.actions")}
"""


def test_several_placements_are_action_sets_of_their_own() -> None:
    top, basket = ActionSet.load_all(SEVERAL)
    assert (top.placement, top.names, basket.placement, basket.epsilon) == (
        "top",
        ("nothing", "ad"),
        "basket",
        0.2,
    )
    assert top.several
    alone = ActionSet.load('placement = "top"\nepsilon = 0.1\n' + NONE + AD)
    assert not alone.several
    assert top.digest("any") != alone.digest("any"), "they draw differently"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("epsilon = 0.1\n" + SEVERAL, ["epsilon", "[[placements]]", "line 1"]),
        (SEVERAL.replace('"basket"', '"top"'), ["placements[1].placement", "'top' again"]),
        (SEVERAL.replace("epsilon = 0.2", "epsilon = 2"), ["placements[1].epsilon", "found 2", "line 1"]),
        (
            SEVERAL + AD.replace("[[actions", "[[placements.actions") + "caps = { per_day = 1 }\n",
            ["placements[1].actions[1] (ad)", "other caps", "placements[0]"],
        ),
        ("placements = []\n", ["placements"]),
    ],
)
def test_wrong_placements_are_named(text: str, parts: list[str]) -> None:
    with pytest.raises(ActionsError) as failure:
        ActionSet.load_all(text)
    assert [part for part in parts if part not in str(failure.value)] == [], str(failure.value)


def test_lines_are_found_by_place() -> None:
    text = HEAD + NONE + AD + "caps = { per_day = 1 }\n\n" + FLIGHT
    assert line_of(text, "actions[1] (ad).caps.per_day") == 9
    assert line_of(text, "flights[0] (autumn).budget") == 15
    assert line_of(text, "actions[1]") == 6
    assert line_of(text, "nowhere") is None
