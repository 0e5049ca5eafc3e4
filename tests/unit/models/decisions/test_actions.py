"""The actions file: what is accepted, and that each wrong entry is named."""

import random
from pathlib import Path

import pytest

import deploy
from models.decisions.actions import UNLIMITED, ActionSet
from models.decisions.actions_file import MAX_ACTIONS, ActionsError, When, action_hash

SHIPPED = (Path(deploy.__file__).parent / "data" / "actions.toml").read_text()
HEAD = 'placement = "shop"\nepsilon = 0.1\n'
NONE = '[[actions]]\nname = "nothing"\nkind = "none"\n'
AD = '[[actions]]\nname = "ad"\nkind = "ad"\n'


def test_the_shipped_file_has_several_of_what_the_demo_shows() -> None:
    actions = ActionSet.load(SHIPPED)
    kinds = [action.kind for action in actions.actions]
    assert kinds.count("ad") >= 2
    assert {"coupon", "free_shipping", "nudge", "none"} <= set(kinds)
    assert actions.all_bits == (1 << len(kinds)) - 1
    assert actions.names[actions.none] == "nothing"


def test_bytes_and_text_give_the_same_set() -> None:
    assert ActionSet.load(SHIPPED) == ActionSet.load(SHIPPED.encode())


def test_caps_are_in_milliseconds_and_absent_ones_never_bind() -> None:
    text = f"{HEAD}{NONE}{AD}caps = {{ cooldown_minutes = 3 }}\n"
    assert ActionSet.load(text).caps == {action_hash("ad"): (2, UNLIMITED, UNLIMITED, 180_000)}


def test_inputs_are_named_once_and_change_no_digest() -> None:
    known = ActionSet.load(f'inputs = ["price", "hidden:0"]\n{HEAD}{NONE}')
    assert known.inputs == ("price", "hidden:0")
    assert known.digest("any") == ActionSet.load(f"{HEAD}{NONE}").digest("any")
    with pytest.raises(ActionsError, match=r"inputs: found 'a' twice; .* \(line 1\)"):
        ActionSet.load(f'inputs = ["a", "b", "a"]\n{HEAD}{NONE}')
    many = ", ".join(f'"hidden:{number}"' for number in range(65))
    with pytest.raises(ActionsError, match="<= 64"):
        ActionSet.load(f"inputs = [{many}]\n{HEAD}{NONE}")


def version_of(text: str) -> str:
    return ActionSet.load(text).digest("any")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.10 #", "0.11 #"),
        ("per_day = 12", "per_day = 13"),
        ("weight = 2.0", "weight = 2.5"),
        ("min_cart_value = 40.0", "min_cart_value = 45.0"),
        ("epsilon = 0.02", "epsilon = 0.03"),
        ("max_risk = 0.5", "max_risk = 0.6"),
    ],
)
def test_version_changes_with_what_decides(old: str, new: str) -> None:
    assert old in SHIPPED
    assert version_of(SHIPPED) != version_of(SHIPPED.replace(old, new))


def test_version_ignores_comments_layout_and_the_name_of_the_currency() -> None:
    version = version_of(SHIPPED)
    assert version == version_of("# note\n" + SHIPPED)
    assert version == version_of('currency = "EUR"\n' + SHIPPED)
    assert version == version_of('policy = "rules"\n' + SHIPPED)


@pytest.mark.parametrize(
    ("extra", "costly", "explored", "limit"),
    [
        ("", True, When(stages=["cart"]), 0.9),
        ("cost = 8.0", True, When(stages=["cart"]), 0.9),
        ("cost = 0.0", False, When(), 1.0),
        ("cost = 0.0\nmax_risk = 0.4", False, When(), 0.4),
        ("max_risk = 1.0", True, When(stages=["cart"]), 1.0),
        ("explore_when = {}", True, When(), 0.9),
        ("explore_when.min_cart_value = 9.0", True, When(min_cart_value=9.0), 0.9),
    ],
)
def test_defaults_of_what_costs_something(extra: str, costly: bool, explored: When, limit: float) -> None:
    text = f'{HEAD}{NONE}{AD.replace("ad", "coupon")}when.stages = ["cart"]\n{extra}\n'
    action = ActionSet.load(text).actions[1]
    assert (action.costly, action.explored_when, action.risk_limit) == (costly, explored, limit)


def test_what_is_free_is_explored_everywhere_and_offered_at_any_risk_unless_the_file_says_otherwise() -> None:
    actions = ActionSet.load(HEAD + NONE + AD + 'when.stages = ["cart"]')
    assert (actions.explored, actions.risk_limits, actions.shares) == ((When(), When()), (), (None, None))
    limited = ActionSet.load(HEAD + NONE + AD + "cost = 0.5\nepsilon = 0.25")
    assert limited.shares == (None, 1 << 51)
    assert [limited.too_risky(risk) for risk in (None, 0.0, 0.9, 0.9001, 1.0)] == [0, 0, 0, 2, 2]


def test_epsilons_may_sum_to_exactly_one() -> None:
    ads = "".join(f"{AD.replace('ad', f'ad{n}')}epsilon = {share}\n" for n, share in enumerate((0.6, 0.3)))
    kinds = ads.replace('kind = "ad0"', 'kind = "ad"').replace('kind = "ad1"', 'kind = "ad"')
    assert len(ActionSet.load(HEAD + NONE + kinds).shares) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x =", ["not TOML"]),
        (b"\xff", ["not TOML in UTF-8"]),
        ("a=" + "[" * 3_000, ["not TOML"]),
        (HEAD + NONE + AD.replace('"ad"\nkind', '"ad\\n"\nkind'), ["actions[1]", "name"]),
        (HEAD + NONE + AD + "when.stages = []", ["when.stages", "[]"]),
        ('placement = "shop"', ["top level", "`epsilon`"]),
        ('placement = "a b"\nepsilon = 0.1\nactions = []', ["placement", "'a b'"]),
        (HEAD.replace("0.1", "2.0") + NONE, ["epsilon", "2.0", "<= 1.0"]),
        (HEAD.replace("0.1", "nan") + NONE, ["epsilon", "nan"]),
        (HEAD.replace("0.1", "1e-9") + NONE, ["epsilon", "1e-09", "0 or at least"]),
        (HEAD + 'actions = "none"', ["actions", "'none'", "array"]),
        (HEAD + AD, ["0 of kind 'none'", "exactly one", "add"]),
        (HEAD + NONE + NONE.replace("nothing", "nil"), ["2 of kind 'none'", "['nothing', 'nil']"]),
        (HEAD + NONE + AD + AD, ["actions[2] (ad)", "name 'ad' again", "rename"]),
        (HEAD + NONE + AD.replace('"ad"\nkind', '""\nkind'), ["actions[1]", "name", "''"]),
        (
            HEAD + NONE + AD.replace('kind = "ad"', 'kind = "pop"'),
            ["actions[1] (ad).kind", "'pop'", "coupon"],
        ),
        (HEAD + NONE + AD + "caps.per_day = 0", ["actions[1] (ad).caps.per_day", "found 0", ">= 1"]),
        (HEAD + NONE + AD + 'caps.per_day = "two"', ["caps.per_day", "'two'", "int"]),
        (HEAD + NONE + AD + "caps.per_week = 2", ["actions[1] (ad).caps", "per_week"]),
        (HEAD + NONE + AD + "weight = -1.0", ["actions[1] (ad).weight", "-1.0", ">= 0"]),
        (HEAD + NONE + AD + "weight = inf", ["actions[1] (ad).weight", "inf"]),
        (HEAD + NONE + AD + 'when.stages = ["till"]', ["when.stages[0]", "'till'", "browsing, cart"]),
        (HEAD + NONE + AD + 'when.events = ["buy"]', ["actions[1] (ad).when.events", "'buy'", "purchase"]),
        (HEAD + NONE + AD + "when = { min_probability = 0.5, max_probability = 0.5 }", ["min < max"]),
        (HEAD + NONE + "caps.per_day = 1", ["actions[0] (nothing)", "always remains"]),
        (HEAD + NONE + "weight = 2.0", ["actions[0] (nothing)", "weight"]),
        (HEAD + NONE + "epsilon = 0.2", ["actions[0] (nothing)", "always remains"]),
        (HEAD + NONE + AD + "epsilon = 1.5", ["actions[1] (ad).epsilon", "1.5", "<= 1.0"]),
        (HEAD + NONE + AD + "epsilon = nan", ["actions[1] (ad).epsilon", "nan"]),
        (HEAD + NONE + AD + "epsilon = 1e-9", ["actions[1] (ad).epsilon", "1e-09", "0 or at least"]),
        (
            HEAD + NONE + AD + "epsilon = 0.95",
            ["0.1 for all and ad 0.95, together 1.05", "at most 1", "lower"],
        ),
        (HEAD + NONE + AD + "max_risk = 1.1", ["actions[1] (ad).max_risk", "1.1", "<= 1.0"]),
        (HEAD + NONE + AD + "cost = -1.0", ["actions[1] (ad).cost", "-1.0", ">= 0"]),
        (HEAD + NONE + AD + "costs = 1.0", ["actions[1] (ad)", "costs"]),
        (HEAD + NONE + AD + "intent_values.done = nan", ["actions[1] (ad).intent_values", "nan", "(line 6)"]),
        (HEAD + NONE + AD + "intent_values.lost = 1.0", ["(ad).intent_values", "'lost'", "exploring"]),
        (HEAD + NONE + AD + 'intents = ["lost"]', ["(ad).intents[0]", "'lost'", "exploring, comparing"]),
        (HEAD + NONE + AD + 'explore_when = "cart"', ["actions[1] (ad).explore_when", "'cart'"]),
        (HEAD + NONE + AD + "explore_when.risk = 1", ["actions[1] (ad).explore_when", "risk"]),
        (HEAD + NONE + AD + 'explore_when.stages = ["till"]', ["explore_when.stages[0]", "browsing, cart"]),
        (
            HEAD + NONE + AD + 'explore_when.events = ["buy"]',
            ["(ad).explore_when.events", "'buy'", "purchase"],
        ),
        (
            HEAD + NONE + AD + "explore_when = { min_probability = 0.5, max_probability = 0.2 }",
            ["actions[1] (ad).explore_when", "min < max"],
        ),
        ('currency = "euro"\n' + HEAD + NONE, ["currency", "'euro'"]),
        (
            HEAD + NONE + "".join(AD.replace('"ad"\nk', f'"ad{i}"\nk') for i in range(MAX_ACTIONS)),
            ["33 actions", "at most 32"],
        ),
    ],
)
def test_a_wrong_entry_is_named(text: str | bytes, parts: list[str]) -> None:
    with pytest.raises(ActionsError) as failure:
        ActionSet.load(text)
    message = str(failure.value)
    assert message.startswith("actions file")
    assert [part for part in parts if part not in message] == [], message


def test_nothing_but_actions_errors_whatever_the_file() -> None:
    generator = random.Random(5)
    fates = {"loaded": 0, "refused": 0}
    for _ in range(2_000):
        text = bytearray(SHIPPED.encode())
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(text))
            text[at : at + generator.randint(0, 6)] = generator.randbytes(generator.randint(0, 2))
        try:
            ActionSet.load(bytes(text))
            fates["loaded"] += 1
        except ActionsError:
            fates["refused"] += 1
    assert min(fates.values()) > 50, fates
