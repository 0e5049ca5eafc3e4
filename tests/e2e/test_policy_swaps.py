"""Policies are promoted, rolled back, pinned and refused under load: each decision fits the version it names.

The longer run (`-m slow`) is 100 moves; both verify every decision of the run from its record alone.
"""

import json
import re
import shutil
import time
from collections import Counter

import msgspec
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.clients import consumer, drain
from deploy.cluster.model_reports import reports
from deploy.cluster.topic_creation import ensure
from models.contract.updates import policy_key
from models.decisions.actions import ActionSet
from models.features.features import FEATURES_VERSION
from models.policies.context_columns import Column
from models.registry import policy_versions
from models.registry.version_files import policies_folder
from tests import tiny_policies
from tests.brokers import topic_names
from tests.e2e.load import Load, answered_once, dealt_with, taken_up, told
from tests.e2e.moves import moves as network_moves
from tests.e2e.worker import Worker
from tests.offline import ACTIONS
from tests.tiny import version as tiny
from trainer.promotion.announce import announce, announcement
from trainer.promotion.promotions import Promotions, nowhere

pytestmark = pytest.mark.long

TEXT = f'policy = "learned"\n{ACTIONS}'
LEARNED = ActionSet.load(TEXT)
KEY = policy_key(LEARNED.placement)
VERSION = re.compile(r'pathcast_policy_info\{.*?version="([^"]*)"\} 1')


@pytest.fixture
def shop(broker, tmp_path):
    """Two workers that share partitions and a registry with a network and three policies."""
    names = topic_names()
    ensure(broker, names, partitions=4)
    registry, actions = tmp_path / "registry", tmp_path / "actions.toml"
    actions.write_text(TEXT)
    network = tiny(registry, 1, items=500)
    # The second one decides from the network's session states as well.
    states = (*tiny_policies.COLUMNS, *(Column(f"hidden:{number}") for number in range(16)))
    deep = {"columns": states, "notes": {"network": network.id}}
    versions = [
        tiny_policies.policy(registry, LEARNED, seed, **(deep if seed == 2 else {})).id for seed in (1, 2, 3)
    ]
    workers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        settings = {"application_id": names.clicks, "registry": registry, "actions": actions}
        workers.append(Worker(broker, names, tmp_path / name, **settings).start())
    for worker in workers:
        worker.wait_ready()
    network_moves(broker, names, registry).promote(network.id, "the only one")
    taken_up(workers, network.id)
    yield names, registry, versions, workers
    for worker in workers:
        worker.kill()


def moves(broker, names, registry) -> Promotions:
    """What is entered in the ledger of the placement is told to the workers of these topics."""

    def send(update):
        announce(update, broker.kafka_python(), names.model_updates, key=KEY)

    def withdraw():
        send(None)
        return "rules"

    return Promotions(
        policies_folder(registry, LEARNED.placement),
        lambda version: send(announcement(version, FEATURES_VERSION)),
        lambda: int(time.time() * 1000),
        "test",
        nowhere,
        policy_versions.load,
        withdraw,
    )


def in_use(worker: Worker) -> str:
    """The version that decides in a worker, or the name of the file's policy."""
    return json.loads(worker.get("/models")[1])["policies"][LEARNED.placement]["version"]


def decides(workers, version: str) -> None:
    """Wait until the version decides in all workers."""
    for worker in workers:
        worker.wait(lambda w=worker: in_use(w) == version, f"{version} was not taken up")


def turns(made: Promotions, versions):
    """Moves, and what decides after each: two forward, then back to the rules, one of them pinned."""
    first, second, third = versions
    while True:
        for name in (first, second):
            made.promote(name, "its turn", force=True)
            yield name
        made.pin(third, "held")
        yield third
        for name in (second, first, "rules"):
            assert made.rollback("its turn is over") == name
            yield name


def swaps(broker, shop, folder, monkeypatch, count, rate, pause) -> Counter:
    """`count` moves under load, a damaged version among them; decisions by the policy version they name."""
    names, registry, versions, workers = shop
    made = moves(broker, names, registry)
    home = policies_folder(registry, LEARNED.placement)
    damaged = tiny_policies.policy(registry, LEARNED, seed=9)
    announced = tiny_policies.announcement(damaged)
    (damaged.path / "policy.safetensors").write_bytes(b"cut")
    load, moved = Load(broker, names.clicks, rate), turns(made, versions)
    load.start()
    load.wait(int(rate))
    for number in range(count):
        if number == count // 2:
            before = in_use(workers[0])
            told(broker, names.model_updates, announced, KEY.encode())
            for worker in workers:
                worker.wait(lambda w=worker: w.total("pathcast_policies_refused_total") == 1, "not refused")
            assert in_use(workers[0]) == before
        decides(workers, next(moved))
        time.sleep(pause)
    load.stop()
    dealt_with(workers, load.sent)
    answered_once(broker, names, load.sent)
    shutil.rmtree(home / damaged.id)
    with consumer(broker, max_poll_records=5_000) as client:
        named = [msgspec.json.decode(one.value) for one in drain(client, names.ad_decisions)]
    assert {one.get("policy", "rules") for one in named} == {"rules", "softmax"}
    by_version = Counter(one["policy_version"].partition(".")[0] for one in named)
    assert set(versions) <= by_version.keys()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_AD_DECISIONS", names.ad_decisions)
    given = "--actions", str(folder / "actions.toml"), "--registry", str(registry)
    verified = CliRunner().invoke(main, ["decisions", "verify", *given])
    assert verified.exit_code == 0, verified.output[-2000:]
    assert f"{load.sent} of {load.sent} decisions verified, 0 differ" in verified.output
    print(f"{count} moves, {verified.output.strip()}; by version {dict(by_version)}")
    for worker in workers:
        assert worker.total("pathcast_policy_swaps_total") == count
        assert worker.total("pathcast_duplicates_total", "pathcast_dead_letters_total") == 0
        assert worker.total("pathcast_models_refused_total") == 0
    return by_version


def test_moves_under_load_leave_no_decision_that_does_not_fit_its_version(
    broker, shop, tmp_path, monkeypatch
):
    names, _, versions, workers = shop
    swaps(broker, shop, tmp_path, monkeypatch, count=15, rate=200, pause=0.3)
    assert in_use(workers[0]) == versions[2]
    found = [one for one in reports(broker, names.model_reports) if one.placement]
    assert {one.version for one in found if one.kind == "in_use"} == {versions[2]}
    assert {one.refusal for one in found if one.kind == "refused"} == {"truncated"}
    # A worker that starts anew finds what was announced last, as it does the network.
    workers[1].stop()
    workers[1].start().wait_ready()
    assert in_use(workers[1]) == versions[2]
    assert VERSION.findall(workers[1].get("/metrics")[1]) == [versions[2]]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_moves_of_policies(broker, shop, tmp_path, monkeypatch):
    swaps(broker, shop, tmp_path, monkeypatch, count=100, rate=200, pause=0.1)
