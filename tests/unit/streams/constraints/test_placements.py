"""Several placements: each click decides for each of them, and what one serves counts for the next."""

from models.constraints.action_limits import ActionLimits
from models.constraints.budget_records import BudgetGrant, encode, grant_key
from models.decisions.actions import ActionSet
from models.decisions.decision import creative_of
from models.decisions.policy_kinds import policy_of
from models.decisions.verify import verify
from models.state import visitor
from streams.pipeline.served_policy import ServedPolicy
from tests.offline import Offline, records
from tests.unit.streams.pipeline.test_deciding import counted
from tests.unit.streams.pipeline.test_processor import DECISIONS, event

ENTRY = (
    '[[placements]]\nplacement = "{}"\nepsilon = 0.2\n'
    '[[placements.actions]]\nname = "none"\nkind = "none"\n'
    '[[placements.actions]]\nname = "ad"\nkind = "ad"\ncaps.per_day = 3\n{}'
    '[[placements.actions]]\nname = "other"\nkind = "ad"\nweight = 0.5\n'
)


class All:
    """Policies of all placements of a file."""

    def __init__(self, text: str) -> None:
        self.sets = ActionSet.load_all(text)
        self._served = [ServedPolicy(policy_of(one)) for one in self.sets]

    def of(self, version):
        return self._served[0]

    def every(self, version):
        return self._served


def deciding(text: str) -> tuple[Offline, tuple[ActionSet, ...]]:
    offline, policies = Offline(), All(text)
    offline.pipeline.policies = policies
    return offline, policies.sets


def clicks(count: int, **fields):
    return records([event(n, "v", n / 10, **fields) for n in range(count)])


def decided(offline: Offline, chunks) -> dict[str, dict]:
    found = {}
    for chunk in chunks:
        for one in offline.answers(offline.process(chunk))[DECISIONS]:
            found[one["decision_id"]] = one
    return found


def test_each_click_is_decided_for_each_placement_and_verified() -> None:
    offline, sets = deciding(ENTRY.format("top", "") + ENTRY.format("basket", ""))
    made = decided(offline, [clicks(40)])
    assert set(made) == {f"e{n}:{place}" for n in range(40) for place in ("top", "basket")}
    by_placement = {one.placement: one for one in sets}
    assert [verify(one, by_placement[one["placement"]]) for one in made.values()] == [[]] * 80
    draws = {name: [made[f"e{n}:{name}"]["draw"] for n in range(40)] for name in by_placement}
    assert draws["top"] != draws["basket"]
    assert sum(one["action"] == "ad" for one in made.values()) == 3, "the cap counts both placements"
    assert counted(offline)["cap"] > 0


def test_the_size_of_a_chunk_changes_no_decision() -> None:
    text, log = ENTRY.format("top", "") + ENTRY.format("basket", ""), clicks(40)
    whole, single = (deciding(text)[0] for _ in range(2))
    together = decided(whole, [log])
    apart = decided(single, [log[at : at + 1] for at in range(40)])
    for made in (*together.values(), *apart.values()):
        made.pop("scored_at")
    assert together == apart
    servings = [visitor.decode(one.state[b"vv"]).exposure.servings for one in (whole, single)]
    assert servings[0] == servings[1] != b""


def test_placements_share_a_budget() -> None:
    budget = 'cost = 1.0\nbudget = 100\npacing = "asap"\nmax_risk = 1.0\n'
    offline, sets = deciding(ENTRY.format("top", budget) + ENTRY.format("basket", budget))
    assert isinstance(sets[0].limits, ActionLimits)
    grant = BudgetGrant(
        account="action:ad", partition=0, granted=2_500, recalled=0, returned=0, spent=0, budget=100_000
    )
    offline.pipeline.grants.apply([(grant_key("action:ad", 0), encode(grant))])
    made = decided(offline, [clicks(20)])
    assert sum(one["action"] == "ad" for one in made.values()) == 2


def test_every_decision_that_asks_is_explained() -> None:
    offline, _ = deciding(ENTRY.format("top", "") + ENTRY.format("basket", ""))
    made = decided(offline, [clicks(2, explain=True)])
    assert all(one["explanation"]["text"].startswith("Chosen") for one in made.values())
    assert offline.lookups.explain("v")["decision"]["text"].startswith("Chosen")


def test_a_creative_is_named_and_each_is_shown_alike_often() -> None:
    text = (
        'placement = "p"\nepsilon = 0.0\n[[actions]]\nname = "none"\nkind = "none"\n'
        '[[actions]]\nname = "ad"\nkind = "ad"\ncreatives = ["a", "b", "c"]\n'
    )
    offline = Offline(actions=text)
    made = decided(offline, [clicks(5)])
    for identity, one in made.items():
        assert one["creative"] == creative_of(identity, ["a", "b", "c"])
        assert verify(one, ActionSet.load(text)) == []
    shown = [creative_of(f"e{n}:p", ["a", "b", "c"]) for n in range(3_000)]
    assert all(900 < shown.count(name) < 1_100 for name in "abc")
