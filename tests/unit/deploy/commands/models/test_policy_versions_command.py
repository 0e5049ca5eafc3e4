"""`pathcast models` for policies: the commands of networks, a ledger of each placement."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.cluster.clients import consumer, drain
from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.decision import decide, draw_of, record_fields
from models.registry import remote
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests import tiny_policies
from tests.offline import ACTIONS
from tests.tiny import version as tiny

TEXT = f'policy = "learned"\n{ACTIONS}'
LEARNED = ActionSet.load(TEXT)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return [tiny_policies.policy(tmp_path, LEARNED, seed).id for seed in (1, 2)]


def pathcast(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done


def models(*words: str, code: int = 0) -> Result:
    return pathcast("models", *words, code=code)


def test_promote_roll_back_and_pin_by_name(names: list[str]) -> None:
    first, second = names
    for name in names:
        assert f"{name} serves" in models("promote", name, "--no-announce").output
    assert f"{first} serves" in models("rollback", "--kind", "policy", "--no-announce").output
    refused = models("promote", second, "--no-announce", code=1).output
    assert f"{second} is taken back" in refused
    assert f"{first} serves, pinned" in models("pin", first, "--no-announce").output
    assert "is pinned" in models("promote", second, "--force", "--no-announce", code=1).output
    assert f"{first} is released" in models("pin", "--release", "--kind", "policy", "--no-announce").output


def test_before_the_first_policy_a_rollback_ends_with_the_rules(names: list[str]) -> None:
    models("promote", names[0], "--no-announce")
    assert "so rules serves" in models("rollback", "--kind", "policy", "--no-announce").output
    assert (
        "no version served before" in models("rollback", "--kind", "policy", "--no-announce", code=1).output
    )
    shown = models("show", names[0]).output
    assert "state: taken back" in shown


def test_networks_and_policies_are_listed_shown_and_removed_by_kind(names: list[str], tmp_path: Path) -> None:
    network = tiny(tmp_path).id
    both = models("list").output
    assert network in both
    assert all(name in both for name in names)
    assert network not in models("list", "--kind", "policy").output
    assert names[0] not in models("list", "--kind", "network").output
    shown = json.loads(models("show", names[0], "--json").output)
    assert (shown["kind"], shown["policy"], shown["placement"]) == ("policy", "softmax", "shop")
    assert (shown["usable"], shown["seed"]) == ("yes", 1)
    assert json.loads(models("show", network, "--json").output)["kind"] == "network"
    assert json.loads(models("show", "latest", "--kind", "policy", "--json").output)["version"] == names[1]
    models("promote", names[1], "--no-announce")
    gone = models("gc", "--keep-days", "0", "--keep-last", "0", "--dry-run", "--kind", "policy").output
    assert gone.splitlines()[0] == names[0]
    gone = models("gc", "--keep-days", "0", "--keep-last", "0").output.splitlines()
    assert {network, names[0]} <= set(gone)
    assert names[1] not in gone
    assert names[1] in models("list").output


def test_a_damaged_policy_is_said_to_be_unusable_and_not_promoted(names: list[str], tmp_path: Path) -> None:
    weights = tmp_path / "policies" / "shop" / names[0] / "policy.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])
    assert "usable: no: " in models("show", names[0]).output
    assert "copy the version again" in models("promote", names[0], "--no-announce", code=1).output


def test_several_placements_ask_which_is_meant(names: list[str], tmp_path: Path) -> None:
    other = tiny_policies.policy(tmp_path, LEARNED, 5, placement="mail").id
    models("promote", other, "--no-announce")
    asked = models("rollback", "--kind", "policy", "--no-announce", code=1).output
    assert "mail, shop" in asked
    assert "--placement" in asked
    assert "serves" in models("rollback", "--placement", "mail", "--no-announce").output


def test_a_registry_without_policies_says_how_to_get_one(tmp_path: Path) -> None:
    found = models("rollback", "--kind", "policy", "--registry", str(tmp_path), code=1).output
    assert "pathcast policy train" in found


def test_workers_are_told_under_the_placements_key_and_a_last_rollback_withdraws(
    names: list[str],
    broker: Connection,
    topics: TopicNames,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_MODEL_UPDATES", topics.model_updates)
    url = f"file://{tmp_path / 'published'}"
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", url)
    for name in names:
        models("promote", name)
    for _ in names:
        models("rollback", "--kind", "policy")
    with consumer(broker) as client:
        told = [(record.key, record.value) for record in drain(client, topics.model_updates)]
    assert {key for key, _ in told} == {b"policy:shop"}
    paths = [json.loads(value)["path"] if value else None for _, value in told]
    first, second = (f"{url}/policies/shop/{name}" for name in names)
    assert paths == [first, second, first, None]
    assert remote.names(f"{url}/policies/shop") == names


def test_decisions_are_verified_with_their_own_versions(names: list[str], tmp_path: Path) -> None:
    from models.registry.policy_versions import find

    lines = []
    for number, name in enumerate(names):
        policy, event_id = find(tmp_path, name, LEARNED), f"e{number}"
        vector = [1.0] * len(policy.inputs)
        context = Context(0.25, "cart", 100, "add_to_cart", 1, LEARNED.all_bits, None, True, vector)
        draw = draw_of(event_id)
        fields = record_fields(policy, event_id, context, decide(policy, context, draw), draw)
        lines.append(json.dumps({"event_id": event_id, **fields}))
    (tmp_path / "decisions.jsonl").write_text("\n".join(lines))
    (tmp_path / "actions.toml").write_text(TEXT)
    given = str(tmp_path / "decisions.jsonl"), "--actions", str(tmp_path / "actions.toml")
    assert "2 of 2 decisions verified" in pathcast("decisions", "verify", *given).output
    elsewhere = tmp_path / "elsewhere"
    failed = pathcast("decisions", "verify", *given, "--registry", str(elsewhere), code=1).output
    assert f"{elsewhere} has no policy {names[0]}" in failed
