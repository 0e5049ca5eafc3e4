"""The reward: a configured mix whose parts are told; a table of the actions file that changes no decision."""

import msgspec
import pytest

from models.contract.predictions import FallbackTier
from models.contract.rewards import JoinedOutcome, Reward
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.policy_kinds import policy_of
from models.feedback import reward_records as records
from models.feedback import visitor_outcomes as outcomes
from models.feedback.reward_mix import RewardMix
from models.feedback.reward_records import KeptDecision
from models.feedback.visitor_outcomes import BOUGHT, Happened
from models.scoring.scores import TIERS
from tests.offline import ACTIONS

BOUGHT_ONE = [
    JoinedOutcome("shown", 1),
    JoinedOutcome("clicked", 2),
    JoinedOutcome("bought", 3, 50.0),
    JoinedOutcome("rated", 4, 4.0),
]


def test_by_default_it_is_the_margin_less_the_cost():
    mix = RewardMix()
    parts = mix.parts(BOUGHT_ONE, 5.0)
    assert (parts.value, parts.margin, parts.cost) == (50.0, 15.0, 5.0)
    assert mix.reward(parts) == 10.0
    assert mix.reward(mix.parts([JoinedOutcome("shown", 1)], 5.0)) == 0.0


def test_every_part_has_a_weight():
    weights = dict.fromkeys(
        ("shown", "click", "purchase", "value", "margin", "cost", "rating", "dismissed"), 0.0
    )
    found = {}
    for number, name in enumerate(weights):
        mix = RewardMix(**{**weights, name: 1.0})
        found[name] = mix.reward(mix.parts([*BOUGHT_ONE, JoinedOutcome("dismissed", 9)], 7.0))
        assert number == list(weights).index(name)
    assert list(found.values()) == [1, 1, 1, 50, 15, -7, 4, 1]


@pytest.mark.parametrize(
    ("when", "spent"), [("served", 7.0), ("shown", 7.0), ("bought", 0.0), ("clicked", 0.0)]
)
def test_an_action_costs_what_it_costs_when_it_is_used(when, spent):
    assert RewardMix(cost_when=when).parts([JoinedOutcome("shown", 1)], 7.0).cost == spent


def test_the_actions_file_has_it_and_no_version_changes_with_it():
    text = ACTIONS + "\n[reward]\nclick = 0.5\nmargin_share = 0.4\n"
    mixed, plain = ActionSet.load(text), ActionSet.load(ACTIONS)
    assert mixed.reward == RewardMix(click=0.5, margin_share=0.4)
    assert policy_of(mixed).version == policy_of(plain).version


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("margin_share = 2", "reward.margin_share"),
        ("clicks = 1", "reward"),
        ('cost_when = "never"', "reward.cost_when"),
        ("click = nan", "reward.click"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(line, said):
    with pytest.raises(ActionsError) as caught:
        ActionSet.load(f"{ACTIONS}\n[reward]\n{line}\n")
    assert said in str(caught.value)


def test_a_record_is_read_as_it_was_mixed():
    said = (
        b',"placement":"p","action":"a","propensity":0.5,"probabilities":{"a":0.5,"none":0.5},'
        b'"policy_version":"v","context":{"purchase_probability":0.1,"stage":"cart","cart_milli":1,'
        b'"event":"view_item","click":2,"mask":3},"model_version":"m"'
    )
    text = records.decision_text(b'"e\\"1"', b'p"', b'"v"', said, 1000)
    kept = records.decode(records.encode(KeptDecision(text, 2.0, "p", "rules", "a")))
    happened = outcomes.added(b"", Happened(7, BOUGHT, 0, 1500, 10.0))
    joined = records.join(kept, 1000, 2000, records.WINDOW, happened, 1000, RewardMix())
    reward = msgspec.json.decode(joined.record, type=Reward, strict=True)
    assert (reward.decision_id, reward.ended, reward.closed_at) == ('e"1:p', "window", 2000)
    assert reward.outcomes == [JoinedOutcome("bought", 1500, 10.0)]
    assert reward.reward == joined.reward == pytest.approx(1.0)
    nothing = msgspec.json.decode(
        records.join(kept, 1000, 2000, records.EVICTED, b"", 1000, RewardMix()).record, type=Reward
    )
    assert (nothing.ended, nothing.outcomes, nothing.reward) == ("evicted", [], 0.0)
    served = records.join(kept, 1000, 2000, records.WINDOW, b"", 1000, RewardMix(cost_when="served"))
    assert served.reward == -2.0


def test_tiers_are_numbered_alike_everywhere():
    assert records.TIERS == TIERS == tuple(FallbackTier)
