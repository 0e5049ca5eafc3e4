"""An actions file names the policy `softmax`; its decisions are published, explained and verified."""

import json
from collections import Counter

from click.testing import CliRunner

from deploy.cli import main
from models.decisions.actions import ActionSet
from models.decisions.verify import verify
from tests.offline import ACTIONS, Offline, records

TEXT = f'policy = "softmax"\n{ACTIONS}'
START = 1_700_000_000_000


def clicks(count, **fields):
    return [
        {
            "event_id": f"e{n}",
            "visitor_id": f"v{n}",
            "ts": START + n,
            "event": "add_to_cart",
            "item_id": "i1",
            **fields,
        }
        for n in range(count)
    ]


def decisions(events, size=50):
    answers = Offline(actions=TEXT).run(records(events), size)
    return [one for chunk in answers for one in chunk["ad-decisions"]]


def test_every_decision_is_recomputed_from_its_own_record(tmp_path):
    made, actions = decisions(clicks(200)), ActionSet.load(TEXT)
    assert {one["policy"] for one in made} == {"softmax"}
    assert all(len(one["context"]["vector"]) == 1 for one in made)
    assert [verify(one, actions) for one in made] == [[]] * 200
    assert verify(made[0] | {"propensity": 0.5}, actions) != []
    files = tmp_path / "actions.toml", tmp_path / "decisions.jsonl"
    files[0].write_text(TEXT)
    files[1].write_text("\n".join(map(json.dumps, made)))
    done = CliRunner().invoke(main, ["decisions", "verify", str(files[1]), "--actions", str(files[0])])
    assert "200 of 200 decisions verified, 0 differ" in done.output


def test_a_chunk_decides_as_its_clicks_alone_do():
    together, alone = decisions(clicks(60)), decisions(clicks(60), size=1)
    assert [one["probabilities"] for one in together] == [one["probabilities"] for one in alone]


def test_actions_differ_and_the_costly_ones_are_rare():
    chosen = Counter(one["action"] for one in decisions(clicks(400)))
    assert len(chosen) > 3
    assert chosen["coupon_10_percent"] < chosen["ad_accessories"]


def test_without_consent_nothing_is_offered_and_nothing_is_told():
    (refused,) = decisions(clicks(1, consent=False, explain=True))
    assert (refused["action"], refused["propensity"], refused["context"]["vector"]) == ("nothing", 1.0, [0.0])
    assert refused["explanation"]["text"] == "Chosen: nothing, with a probability of 100%."
    assert set(refused["explanation"]["withheld"].values()) == {"consent"}
