"""What the shipped actions file does with a shop's own log: who gets what costs something, and why.

The shipped log goes through a worker's pipeline with a model of its first days, once with the file as it is
and once as the algorithm before read it, which explored everything everywhere. `-s` prints the figures that
`docs/decisioning.md` quotes.
"""

import msgspec
import pytest

from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.decisions.policy import Policy
from models.decisions.rules_policy import RulesPolicy, earlier
from models.decisions.verify import Verifier
from models.registry.versions import Version
from tests.offline import ACTIONS, Offline, records
from tests.scoring import SHIPPED, real_clicks
from trainer.logs.log_files import read_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

LEARNED, FOLLOWING, CHUNK = 8_000, 10_000, 500
SET = ActionSet.load(ACTIONS)
COSTLY = {action.name for action in SET.actions if action.costly}
CHEAPEST = min(action.when.min_cart_value or 0.0 for action in SET.actions if action.costly)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    folder = tmp_path_factory.mktemp("shipped")
    log = folder / "log.parquet"
    read_log([SHIPPED]).sort("ts", maintain_order=True).head(LEARNED).sink_parquet(log)
    run = Run([log], folder / "registry", options=Options(epochs=1, seconds=1e9, refit=False))
    return train(run, 1_700_000_000_000, lambda progress: None)


@pytest.fixture(scope="module")
def following() -> list[Click]:
    return sorted(real_clicks(LEARNED + FOLLOWING)[LEARNED:], key=lambda click: click.ts)


def decisions(version: Version, policy: Policy, clicks: list[Click]) -> list[dict]:
    offline = Offline(version, policy=policy)
    wire = [msgspec.json.decode(msgspec.json.encode(click)) for click in clicks]
    answers = offline.run(records([_plain(one) for one in wire]), CHUNK)
    return [one for chunk in answers for one in chunk.get(offline.names.ad_decisions, ())]


def _plain(event: dict) -> dict:
    return {name: value for name, value in event.items() if value is not None and name != "flags"}


def shares(made: list[dict], name: str) -> dict[str, float]:
    """Of an action's servings: how many, and the shares that exploration chose and that a browser got."""
    served = [one for one in made if one["action"] == name]
    explored = sum(one["explored"] for one in served)
    browsing = sum(one["context"]["stage"] == "browsing" for one in served)
    count = max(1, len(served))
    return {"served": len(served), "explored": explored / count, "browsing": browsing / count}


def test_what_costs_something_is_rarely_explored_and_never_given_to_who_only_browses(version, following):
    told = {}
    for case, policy in (("before", earlier(SET)), ("now", RulesPolicy(SET))):
        made = decisions(version, policy, following)
        assert len(made) > 0.9 * FOLLOWING
        verifier = Verifier(SET)
        assert [one for one in made if verifier.differences(one)] == []
        told[case] = {name: shares(made, name) for name in sorted(COSTLY)}
        for name, found in told[case].items():
            print(
                f"\n{case}, {name}: {found['served']} of {len(made)} decisions, {found['explored']:.0%} by "
                f"exploration, {found['browsing']:.0%} to visitors who were only browsing"
            )
    for name in COSTLY:
        assert told["before"][name]["browsing"] > 0.5
        assert told["now"][name]["browsing"] == 0
        assert told["now"][name]["explored"] < 0.2
